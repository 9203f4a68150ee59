//! Requests over connections, none of which is a request's loss when it died while the environment was frozen.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::{Client, ClientBuilder, Request, RequestBuilder, Response};
use tokio::time::Instant;

use super::{
    established::is_established,
    preconnect::{IDLE_TIMEOUT, Origin, PreconnectLayer, Role, SpareConnection, watch},
    tls::Tls,
};

/// Lambda freezes an environment between invocations only. A connection that was used less than this ago did
/// not die of that.
const SHORTEST_FREEZE: Duration = Duration::from_secs(1);

/// No more connections than this are found dead for one request. The pool holds as many as a request has
/// opened at once.
const MOST_DEAD: usize = 16;

/// Sends requests, and keeps their connections for the next ones.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    tls: Tls,
    client: Client,
    aside: SpareConnection,
    /// Of each host, the last answer, whose connection is in the client's pool since.
    answered: Mutex<Vec<Answered>>,
    shortest_freeze: Duration,
}

/// When an answer came, and over which connection.
#[derive(Debug, Clone)]
struct Answered {
    authority: String,
    at: Instant,
    local: Option<SocketAddr>,
}

impl HttpClient {
    /// None yet.
    ///
    /// # Errors
    ///
    /// A sentence, if TLS cannot be set up.
    pub(crate) fn new(tls: &Tls) -> Result<Self, String> {
        let aside = SpareConnection::default();
        let layer = PreconnectLayer { role: Role::Reuse, aside: aside.clone() };
        let builder = tls.builder().pool_idle_timeout(IDLE_TIMEOUT).connector_layer(layer);
        let client = builder.build().map_err(|error| error.to_string())?;
        let (tls, answered) = (tls.clone(), Mutex::default());
        Ok(Self(Arc::new(Pool { tls, client, aside, answered, shortest_freeze: SHORTEST_FREEZE })))
    }

    /// A `GET` to be [sent](Self::send).
    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.0.client.get(url)
    }

    /// A `POST` to be [sent](Self::send).
    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.0.client.post(url)
    }

    /// Opens a connection to the host of `url` and puts it aside, unless there is one that would serve the next
    /// request. Nothing is sent over it. Only for clients of a single host: whichever asks first takes it.
    ///
    /// # Errors
    ///
    /// A sentence that says why the host could not be reached.
    pub(crate) async fn open(&self, url: &str) -> Result<(), String> {
        let Pool { tls, aside, .. } = &*self.0;
        let opener = |builder: ClientBuilder| {
            builder.connector_layer(PreconnectLayer { role: Role::Preconnect, aside: aside.clone() }).build()
        };
        let request = self.get(url).build().map_err(|error| error.to_string())?;
        let is_pooled = self.answered(&request).is_some_and(|answered| {
            let idle = answered.at.elapsed();
            // What cannot have been frozen needs no look.
            idle < self.0.shortest_freeze
                || (idle < IDLE_TIMEOUT && answered.local.is_some_and(is_established))
        });
        if is_pooled || aside.has_one_alive() {
            return Ok(());
        }
        let before = Instant::now();
        let opener = opener(tls.builder()).map_err(|error| error.to_string())?;
        match opener.execute(request).await {
            _ if aside.opened() >= Some(before) => Ok(()),
            Err(error) if error.is_timeout() => Err("connecting timed out".to_owned()),
            _ => Err("connecting failed".to_owned()),
        }
    }

    /// Sends a request of [`Self::get`] or [`Self::post`], as [`Self::execute`] does.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        self.execute(request.build()?).await
    }

    /// Sends a request that may come twice. One that finds a connection dead that was idle for long enough to have
    /// been frozen goes out on another one at once: it cannot have been answered.
    pub(crate) async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        let Pool { client, aside, .. } = &*self.0;
        let answered = self.answered(&request).map(|answered| answered.at);
        let may_be_dead = [answered, aside.opened()].into_iter().flatten().any(|at| self.may_have_frozen(at));
        for _ in 0..MOST_DEAD {
            let Some(copy) = request.try_clone().filter(|_| may_be_dead) else { break };
            let (result, origin) = watch(client.execute(copy)).await;
            let last_used = match origin {
                Origin::Pool => answered,
                Origin::SpareConnection(opened) => Some(opened),
                Origin::New => None,
            };
            match result {
                Err(error)
                    if last_used.is_some_and(|at| self.may_have_frozen(at))
                        && !error.is_timeout()
                        && !error.is_builder() => {}
                result => return self.noted(result),
            }
        }
        self.noted(client.execute(request).await)
    }

    fn may_have_frozen(&self, last_used: Instant) -> bool {
        last_used.elapsed() >= self.0.shortest_freeze
    }

    fn noted(&self, result: Result<Response, reqwest::Error>) -> Result<Response, reqwest::Error> {
        if let Ok(response) = &result {
            let authority = response.url().authority();
            let local = response.extensions().get().map(HttpInfo::local_addr);
            let mut answered = self.0.answered.lock().unwrap_or_else(PoisonError::into_inner);
            let at = Instant::now();
            match answered.iter_mut().find(|answered| answered.authority == authority) {
                Some(answered) => (answered.at, answered.local) = (at, local),
                None => answered.push(Answered { authority: authority.to_owned(), at, local }),
            }
        }
        result
    }

    /// The last answer from the host of this request.
    fn answered(&self, request: &Request) -> Option<Answered> {
        let answered = self.0.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.iter().find(|answered| answered.authority == request.url().authority()).cloned()
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

    use super::*;

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

    fn connections(shortest_freeze: Duration) -> HttpClient {
        let mut connections = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        Arc::get_mut(&mut connections.0).unwrap().shortest_freeze = shortest_freeze;
        connections
    }

    async fn get(connections: &HttpClient, server: &Server) -> Result<String, reqwest::Error> {
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

    /// Lets this time go by.
    async fn later(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    #[tokio::test]
    async fn a_pooled_connection_counts_until_it_has_been_idle_for_too_long() {
        let server = Server::start(false).await;
        let connections = connections(SHORTEST_FREEZE);
        get(&connections, &server).await.unwrap();
        later(Duration::from_secs(10)).await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 1, "it would serve");
        server.drop_connections().await;
        later(Duration::from_secs(10)).await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 2, "it would not any more");
        get(&connections, &server).await.unwrap();
        later(IDLE_TIMEOUT).await;
        for _ in 0..5 {
            connections.open(&server.url).await.unwrap();
        }
        assert_eq!(server.connections().await, 3);
        server.drop_connections().await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
        assert_eq!(server.connections().await, 4);
    }

    /// The one aside is young, but the pool's goes first.
    #[tokio::test]
    async fn a_pooled_connection_that_died_beside_a_new_one_is_nobodys_failure() {
        let server = Server::start(true).await;
        let connections = connections(SHORTEST_FREEZE);
        get(&connections, &server).await.unwrap();
        later(IDLE_TIMEOUT).await;
        connections.open(&server.url).await.unwrap();
        assert_eq!(get(&connections, &server).await.unwrap(), "ok");
        assert_eq!(server.connections().await, 2);
    }

    #[tokio::test]
    async fn what_one_host_answered_says_nothing_of_anothers_connection() {
        let [one, other] = [Server::start(true).await, Server::start(false).await];
        let connections = connections(SHORTEST_FREEZE);
        get(&connections, &one).await.unwrap();
        later(SHORTEST_FREEZE).await;
        get(&connections, &other).await.unwrap();
        assert_eq!(get(&connections, &one).await.unwrap(), "ok");
        assert_eq!(one.connections().await, 2);
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
