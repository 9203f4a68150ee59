//! Connections to one host: open before there is a request for them, and none of them a request's loss when it
//! died while the environment was frozen.
//!
//! A client connects when it is asked to send. During init there is nothing to send yet, and nothing
//! may be sent: a connection is opened, put aside, and handed to the first request that wants one.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::rt::{Read, ReadBuf};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use tokio::time::Instant;
use tower::{Layer, Service};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connections die while an environment is frozen, so idle ones are not kept for long.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Lambda freezes an environment between invocations only. A connection that was used less than this ago did
/// not die of that.
const SHORTEST_FREEZE: Duration = Duration::from_secs(1);

/// No more connections than this are found dead for one request. The pool holds as many as a request has
/// opened at once.
const MOST_DEAD: usize = 16;

tokio::task_local! {
    /// Whether the request that is being sent has opened a connection of its own.
    static HAS_OPENED: Cell<bool>;
}

/// Sends requests to one host.
#[derive(Debug)]
pub(crate) struct Connections {
    client: Client,
    /// Connects and never sends: each of its requests fails as soon as its connection is open.
    opener: Client,
    aside: Aside,
    /// When the last answer came, whose connection is in the client's pool since.
    answered: Mutex<Option<Instant>>,
    shortest_freeze: Duration,
}

/// The connection that was put aside, if any.
#[derive(Clone, Default)]
struct Aside(Arc<Mutex<Option<Opened>>>);

/// A connection, and when it was opened. Its type is `reqwest`'s own and has no name outside.
struct Opened {
    at: Instant,
    connection: Box<dyn Any + Send>,
    is_alive: fn(&mut (dyn Any + Send)) -> bool,
}

impl Connections {
    /// To a host that is called by clients of this `builder`.
    pub(super) fn new(builder: impl Fn() -> ClientBuilder) -> Result<Self, reqwest::Error> {
        let aside = Aside::default();
        let layer = |role| Connecting { role, aside: aside.clone() };
        let client = builder().connector_layer(layer(Role::Takes)).build()?;
        let opener = builder().connector_layer(layer(Role::PutsAside)).build()?;
        let answered = Mutex::new(None);
        Ok(Self { client, opener, aside, answered, shortest_freeze: SHORTEST_FREEZE })
    }

    /// A `GET` to be [sent](Self::send).
    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    /// Opens a connection to the host of `url` and puts it aside, unless there is one that would serve the next
    /// request. Nothing is sent over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why the host could not be reached.
    pub(crate) async fn open(&self, url: &str) -> Result<(), String> {
        // What became of a pooled connection in a freeze cannot be seen from here.
        let is_pooled = self.answered().is_some_and(|answered| answered.elapsed() < self.shortest_freeze);
        if is_pooled || self.aside.has_one_alive() {
            return Ok(());
        }
        let before = Instant::now();
        let unsent = self.opener.get(url).send().await;
        match unsent {
            _ if self.aside.opened() >= Some(before) => Ok(()),
            Err(error) if error.is_timeout() => Err("connecting timed out".to_owned()),
            _ => Err("connecting failed".to_owned()),
        }
    }

    /// Sends a request without a body. One that finds a connection dead that was idle for long enough to have
    /// been frozen goes out on another one at once: it cannot have been answered.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let last_used = self.answered().max(self.aside.opened());
        let may_be_dead = last_used.is_some_and(|last_used| last_used.elapsed() >= self.shortest_freeze);
        for _ in 0..MOST_DEAD {
            let Some(copy) = request.try_clone().filter(|_| may_be_dead) else { break };
            let (result, has_opened) = watch(copy).await;
            match result {
                Err(error) if !has_opened && !error.is_timeout() && !error.is_builder() => {}
                result => return self.noted(result),
            }
        }
        self.noted(request.send().await)
    }

    fn noted(&self, result: Result<Response, reqwest::Error>) -> Result<Response, reqwest::Error> {
        if result.is_ok() {
            *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        result
    }

    fn answered(&self) -> Option<Instant> {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends, and tells whether a connection was opened for that.
async fn watch(request: RequestBuilder) -> (Result<Response, reqwest::Error>, bool) {
    let sending = async { (request.send().await, HAS_OPENED.with(Cell::get)) };
    HAS_OPENED.scope(Cell::new(false), sending).await
}

impl Aside {
    fn put<C: Read + Unpin + Send + 'static>(&self, connection: C) {
        let opened = Opened { at: Instant::now(), connection: Box::new(connection), is_alive: is_alive::<C> };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    /// The connection, if it is alive.
    fn take<C: 'static>(&self) -> Option<C> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if !opened.would_serve() {
            return None;
        }
        opened.connection.downcast().ok().map(|connection| *connection)
    }

    fn has_one_alive(&self) -> bool {
        let mut aside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aside.as_mut().is_some_and(Opened::would_serve)
    }

    /// When the connection was opened.
    fn opened(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|opened| opened.at)
    }
}

impl Opened {
    fn would_serve(&mut self) -> bool {
        self.at.elapsed() <= IDLE_TIMEOUT && (self.is_alive)(&mut *self.connection)
    }
}

/// Whether a connection on which nothing was sent is still open: then there is nothing to be read, not even
/// its end.
fn is_alive<C: Read + Unpin + 'static>(connection: &mut (dyn Any + Send)) -> bool {
    let Some(connection) = connection.downcast_mut::<C>() else { return false };
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut nobody = Context::from_waker(Waker::noop());
    Pin::new(connection).poll_read(&mut nobody, buffer.unfilled()).is_pending()
}

impl fmt::Debug for Aside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Aside").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
enum Role {
    PutsAside,
    Takes,
}

/// The layer around a client's connector.
#[derive(Debug, Clone)]
struct Connecting {
    role: Role,
    aside: Aside,
}

impl<S> Layer<S> for Connecting {
    type Service = Connector<S>;

    fn layer(&self, connect: S) -> Connector<S> {
        Connector { connect, connecting: self.clone() }
    }
}

/// Connects with `connect`, and puts the connection aside or takes the one that is there.
#[derive(Clone)]
struct Connector<S> {
    connect: S,
    connecting: Connecting,
}

/// The connection was put aside, so this request does not have one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was put aside for a request to come")]
struct PutAside;

impl<S, Destination> Service<Destination> for Connector<S>
where
    S: Service<Destination, Error = BoxError>,
    S::Response: Read + Unpin + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connect.poll_ready(context)
    }

    fn call(&mut self, destination: Destination) -> Self::Future {
        let aside = self.connecting.aside.clone();
        match self.connecting.role {
            Role::PutsAside => {
                let connecting = self.connect.call(destination);
                Box::pin(async move {
                    aside.put(connecting.await?);
                    Err(PutAside.into())
                })
            }
            Role::Takes => match aside.take() {
                Some(connection) => Box::pin(async move { Ok(connection) }),
                None => {
                    // An error says that nobody watches.
                    let _ = HAS_OPENED.try_with(|has_opened| has_opened.set(true));
                    Box::pin(self.connect.call(destination))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::SocketAddr,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::watch,
    };

    use super::{super::Tls, *};

    /// A server that counts its connections and can drop all that are open.
    struct Server {
        address: SocketAddr,
        url: String,
        /// Where each connection comes from, in their order.
        accepted: watch::Receiver<Vec<SocketAddr>>,
        probes: Mutex<Vec<SocketAddr>>,
        requests: Arc<AtomicUsize>,
        drops: watch::Sender<usize>,
    }

    impl Server {
        /// With `resets`, it drops a connection on which a second request comes.
        async fn start(resets: bool) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (drops, dropped) = watch::channel(0);
            let (accepts, accepted) = watch::channel(Vec::new());
            let requests = Arc::<AtomicUsize>::default();
            let server = Self {
                address,
                url: format!("http://{address}/"),
                accepted,
                probes: Mutex::default(),
                requests: requests.clone(),
                drops,
            };
            tokio::spawn(async move {
                while let Ok((connection, from)) = listener.accept().await {
                    tokio::spawn(serve(connection, requests.clone(), dropped.clone(), resets));
                    accepts.send_modify(|accepted| accepted.push(from));
                }
            });
            server
        }

        async fn drop_connections(&self) {
            self.connections().await;
            self.drops.send_modify(|drops| *drops += 1);
            // Until their tasks have ended: they hold the receivers, and the listener holds one.
            while self.drops.receiver_count() > 1 {
                tokio::task::yield_now().await;
            }
        }

        /// How many connections there have been: those before one that is made now.
        async fn connections(&self) -> usize {
            let last = TcpStream::connect(self.address).await.unwrap();
            let from = last.local_addr().unwrap();
            let mut accepted = self.accepted.clone();
            let accepted = accepted.wait_for(|accepted| accepted.contains(&from)).await.unwrap();
            let mut probes = self.probes.lock().unwrap();
            probes.push(from);
            accepted.iter().filter(|from| !probes.contains(from)).count()
        }
    }

    async fn serve(
        mut connection: TcpStream,
        requests: Arc<AtomicUsize>,
        mut dropped: watch::Receiver<usize>,
        resets: bool,
    ) {
        dropped.mark_unchanged();
        for request in 0.. {
            let mut bytes = [0; 4096];
            let read = tokio::select! {
                read = connection.read(&mut bytes) => read,
                _ = dropped.changed() => break,
            };
            if read.is_ok_and(|read| read == 0) || (resets && request > 0) {
                break;
            }
            requests.fetch_add(1, Relaxed);
            if connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                break;
            }
        }
    }

    fn connections(shortest_freeze: Duration) -> Connections {
        let connections = Tls::new(None).unwrap().connections().unwrap();
        Connections { shortest_freeze, ..connections }
    }

    async fn get(connections: &Connections, server: &Server) -> Result<String, reqwest::Error> {
        connections.send(connections.get(&server.url)).await?.text().await
    }

    #[tokio::test]
    async fn the_first_request_takes_the_connection_that_is_open() {
        let server = Server::start(false).await;
        let connections = connections(SHORTEST_FREEZE);
        connections.open(&server.url).await.unwrap();
        assert_eq!((server.connections().await, server.requests.load(Relaxed)), (1, 0));
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
        assert_eq!((server.connections().await, server.requests.load(Relaxed)), (1, 1));
    }

    #[tokio::test]
    async fn a_connection_that_would_serve_is_not_opened_again() {
        let server = Server::start(false).await;
        let connections = connections(SHORTEST_FREEZE);
        for _ in 0..5 {
            connections.open(&server.url).await.unwrap();
        }
        assert_eq!(server.connections().await, 1, "it is aside");
        get(&connections, &server).await.unwrap();
        connections.open(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 1, "it is in the pool");
    }

    #[tokio::test]
    async fn after_a_freeze_one_connection_is_put_aside() {
        let server = Server::start(false).await;
        let connections = connections(Duration::ZERO);
        get(&connections, &server).await.unwrap();
        for _ in 0..5 {
            connections.open(&server.url).await.unwrap();
        }
        assert_eq!(server.connections().await, 2);
        server.drop_connections().await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
        assert_eq!(server.connections().await, 3);
    }

    #[tokio::test]
    async fn a_connection_that_died_aside_is_nobodys_failure() {
        let server = Server::start(false).await;
        let connections = connections(SHORTEST_FREEZE);
        connections.open(&server.url).await.unwrap();
        server.drop_connections().await;
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
        assert_eq!(server.connections().await, 2);
        connections.open(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 2);
    }

    #[tokio::test]
    async fn a_dead_connection_aside_is_opened_again() {
        let server = Server::start(false).await;
        let connections = connections(SHORTEST_FREEZE);
        connections.open(&server.url).await.unwrap();
        server.drop_connections().await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 2);
    }

    #[tokio::test]
    async fn pooled_connections_that_died_are_nobodys_failure() {
        let server = Server::start(false).await;
        let connections = connections(Duration::ZERO);
        let (one, two, three) =
            tokio::join!(get(&connections, &server), get(&connections, &server), get(&connections, &server));
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        assert_eq!(server.connections().await, 3);
        server.drop_connections().await;
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_under_a_request_is_forgiven_after_a_freeze_only() {
        for (shortest_freeze, is_forgiven) in [(Duration::ZERO, true), (Duration::from_secs(60), false)] {
            let server = Server::start(true).await;
            let connections = connections(shortest_freeze);
            assert!(get(&connections, &server).await.is_ok());
            assert_eq!(get(&connections, &server).await.is_ok(), is_forgiven);
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_new_is_not_forgiven() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let accepted = tokio::spawn(async move {
            let mut accepted = 0;
            while let Ok(Ok((connection, _))) =
                tokio::time::timeout(Duration::from_millis(200), listener.accept()).await
            {
                accepted += 1;
                drop(connection);
            }
            accepted
        });
        let connections = connections(Duration::ZERO);
        assert!(connections.send(connections.get(&url)).await.is_err());
        assert_eq!(accepted.await.unwrap(), 1);
    }
}
