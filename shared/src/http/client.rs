//! An HTTP client that retries a request on a new connection when a reused one died during a freeze.
//!
//! Lambda freezes an environment between invocations. Connections that die meanwhile are noticed only when the next
//! request uses them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, Request, RequestBuilder, Response};
use tokio::time::Instant;

use super::{
    failure::failure_reason,
    preconnect::{
        ConnectionSource, IDLE_TIMEOUT, PreconnectLayer, Role, SpareConnection, with_connection_source,
    },
    tls::Tls,
};

/// Freezes happen between invocations. A connection used more recently than this did not die in one.
const MIN_FREEZE: Duration = Duration::from_secs(1);

/// An HTTP client with a connection pool and a spare connection. Clones share both.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tls: Tls,
    pool: Mutex<Pool>,
    spare: SpareConnection,
    /// When the last response arrived. Its connection is in the pool.
    last_response: Mutex<Option<Instant>>,
    min_freeze: Duration,
}

/// The connection pool, which is `reqwest`'s. It is replaced as a whole after a freeze.
#[derive(Debug, Clone)]
struct Pool {
    client: Client,
    generation: u32,
}

impl HttpClient {
    /// Creates a client without connections. Fails with a sentence for the log.
    pub(crate) fn new(tls: &Tls) -> Result<Self, String> {
        let spare = SpareConnection::default();
        let client = pooling_client(tls, &spare).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            tls: tls.clone(),
            pool: Mutex::new(Pool { client, generation: 0 }),
            spare,
            last_response: Mutex::default(),
            min_freeze: MIN_FREEZE,
        })))
    }

    /// A `GET` request for [`Self::send`].
    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.0.pool().client.get(url)
    }

    /// A `POST` request for [`Self::send`].
    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.0.pool().client.post(url)
    }

    /// Preconnect: opens a connection to the host of `url` for the next request, unless a pooled or spare one is open.
    /// Sends nothing. Only for clients of a single host, since the next request uses it, whatever its host.
    /// Fails with the reason, for the log.
    pub(crate) async fn preconnect(&self, url: &str) -> Result<(), String> {
        let Inner { tls, spare, .. } = &*self.0;
        // A pooled connection counts as open until its idle time-out. If it is dead, the request is sent again.
        let is_pooled = self.0.last_response().is_some_and(|at| at.elapsed() < IDLE_TIMEOUT);
        if is_pooled || spare.is_usable() {
            return Ok(());
        }
        let before = Instant::now();
        let layer = PreconnectLayer { role: Role::Preconnect, spare: spare.clone() };
        let client = tls.builder().connector_layer(layer).build().map_err(|error| error.to_string())?;
        match client.get(url).send().await {
            _ if spare.opened() >= Some(before) => Ok(()),
            Err(error) => Err(failure_reason(&error).to_owned()),
            Ok(_) => Err("connecting failed".to_owned()),
        }
    }

    /// Sends a request of [`Self::get`] or [`Self::post`], as [`Self::execute`] does.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        self.execute(request.build()?).await
    }

    /// Sends a request that may be repeated. If it fails on a connection that may have died during a freeze, sends it again at
    /// once on a new one. A repeated request for a lease may find its own lease: it then waits as for another's.
    pub(crate) async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        let inner = &*self.0;
        let (pool, last_response) = (inner.pool(), inner.last_response());
        let may_be_dead = [last_response, inner.spare.opened()]
            .into_iter()
            .flatten()
            .any(|at| inner.may_have_frozen_since(at));
        let copy = if may_be_dead { request.try_clone() } else { None };
        let (mut result, source) = with_connection_source(pool.client.execute(request)).await;
        let last_used = match source {
            ConnectionSource::Pool => last_response,
            ConnectionSource::Spare(opened) => Some(opened),
            ConnectionSource::New => None,
        };
        if let (Err(error), Some(copy)) = (&result, copy)
            && last_used.is_some_and(|at| inner.may_have_frozen_since(at))
            && !error.is_timeout()
            && !error.is_builder()
        {
            result = inner.pool_after_freeze(&pool)?.client.execute(copy).await;
        }
        if result.is_ok() {
            *inner.last_response.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        result
    }
}

impl Inner {
    fn pool(&self) -> Pool {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns a pool without the connections of `pool`: if one died during a freeze, all may have.
    fn pool_after_freeze(&self, pool: &Pool) -> Result<Pool, reqwest::Error> {
        let mut current = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        // A concurrent request may have replaced it already.
        if current.generation == pool.generation {
            *current = Pool {
                client: pooling_client(&self.tls, &self.spare)?,
                generation: pool.generation.wrapping_add(1),
            };
        }
        Ok(current.clone())
    }

    fn last_response(&self) -> Option<Instant> {
        *self.last_response.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the environment may have been frozen since then: Lambda does not say when it was.
    fn may_have_frozen_since(&self, last_used: Instant) -> bool {
        last_used.elapsed() >= self.min_freeze
    }
}

fn pooling_client(tls: &Tls, spare: &SpareConnection) -> Result<Client, reqwest::Error> {
    let layer = PreconnectLayer { role: Role::Reuse, spare: spare.clone() };
    tls.builder().pool_idle_timeout(IDLE_TIMEOUT).connector_layer(layer).build()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task::JoinHandle,
    };

    use super::*;

    /// A server that answers each request with the numbers of its connection and of the request on it, as in `1.2`.
    struct Server {
        url: String,
        connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
        probes: AtomicUsize,
    }

    impl Server {
        /// The first connections close on the request after these numbers of requests.
        async fn start(max_requests: &'static [usize]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let connections = Arc::<Mutex<Vec<_>>>::default();
            let server = Self { url, connections: connections.clone(), probes: AtomicUsize::new(0) };
            tokio::spawn(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let mut connections = connections.lock().unwrap();
                    let max_requests = max_requests.get(connections.len()).copied().unwrap_or(usize::MAX);
                    let number = connections.len() + 1;
                    connections.push(tokio::spawn(serve(connection, number, max_requests)));
                }
            });
            server
        }

        async fn close_connections(&self) {
            self.connections().await;
            self.connections.lock().unwrap().iter().for_each(JoinHandle::abort);
            while !self.connections.lock().unwrap().iter().all(JoinHandle::is_finished) {
                tokio::task::yield_now().await;
            }
        }

        /// The number of connections so far. A probe of another client shows that all earlier ones were accepted.
        async fn connections(&self) -> usize {
            let probe = get(&client(MIN_FREEZE), self).await.unwrap();
            let number: usize = probe.strip_suffix(".1").unwrap().parse().unwrap();
            number - 1 - self.probes.fetch_add(1, Relaxed)
        }
    }

    async fn serve(mut connection: TcpStream, number: usize, max_requests: usize) {
        for request in 1.. {
            let is_open = connection.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0);
            if !is_open || request > max_requests {
                return;
            }
            let body = format!("{number}.{request}");
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connection.write_all(response.as_bytes()).await.unwrap();
        }
    }

    fn client(min_freeze: Duration) -> HttpClient {
        let mut client = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        Arc::get_mut(&mut client.0).unwrap().min_freeze = min_freeze;
        client
    }

    async fn get(client: &HttpClient, server: &Server) -> Option<String> {
        client.send(client.get(&server.url)).await.ok()?.text().await.ok()
    }

    async fn advance(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    #[tokio::test]
    async fn the_first_request_uses_the_preconnected_connection() {
        let (server, client) = (Server::start(&[]).await, client(MIN_FREEZE));
        client.preconnect(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 1);
        assert_eq!(get(&client, &server).await.as_deref(), Some("1.1"), "preconnect sends nothing");
    }

    #[tokio::test]
    async fn preconnect_opens_nothing_beside_an_open_connection() {
        let (server, client) = (Server::start(&[]).await, client(MIN_FREEZE));
        for _ in 0..5 {
            client.preconnect(&server.url).await.unwrap();
        }
        assert_eq!(server.connections().await, 1, "there is a spare connection");
        get(&client, &server).await.unwrap();
        client.preconnect(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 1, "there is a pooled connection");
    }

    #[tokio::test]
    async fn a_pooled_connection_counts_as_open_until_its_idle_timeout() {
        let (server, client) = (Server::start(&[]).await, client(MIN_FREEZE));
        get(&client, &server).await.unwrap();
        for (later, connections) in [(IDLE_TIMEOUT - Duration::from_secs(1), 1), (Duration::from_secs(1), 2)]
        {
            advance(later).await;
            client.preconnect(&server.url).await.unwrap();
            assert_eq!(server.connections().await, connections);
        }
    }

    #[tokio::test]
    async fn a_dead_spare_connection_is_replaced() {
        let (server, client) = (Server::start(&[]).await, client(MIN_FREEZE));
        client.preconnect(&server.url).await.unwrap();
        server.close_connections().await;
        client.preconnect(&server.url).await.unwrap();
        assert_eq!(server.connections().await, 2);
        server.close_connections().await;
        assert!(get(&client, &server).await.is_some());
        assert_eq!(server.connections().await, 3);
    }

    #[tokio::test]
    async fn a_request_is_sent_again_when_a_pooled_connection_died_during_a_freeze() {
        for (min_freeze, expected) in [(Duration::ZERO, Some("2.1")), (Duration::from_secs(60), None)] {
            let (server, client) = (Server::start(&[1]).await, client(min_freeze));
            assert_eq!(get(&client, &server).await.as_deref(), Some("1.1"));
            assert_eq!(get(&client, &server).await.as_deref(), expected);
        }
    }

    /// The spare connection is new, but the pool's is used first.
    #[tokio::test]
    async fn spare_connection_replaces_a_dead_pooled_one() {
        let (server, client) = (Server::start(&[1]).await, client(MIN_FREEZE));
        client.preconnect(&server.url).await.unwrap();
        get(&client, &server).await.unwrap();
        advance(IDLE_TIMEOUT).await;
        client.preconnect(&server.url).await.unwrap();
        assert_eq!(get(&client, &server).await.as_deref(), Some("2.1"));
    }

    #[tokio::test]
    async fn dead_pooled_connections_cost_each_concurrent_request_at_most_one_new_one() {
        let (server, client) = (Server::start(&[1; 3]).await, client(Duration::ZERO));
        let get = || get(&client, &server);
        for connections in [3..=3, 4..=6] {
            let (one, two, three) = tokio::join!(get(), get(), get());
            assert!(one.is_some() && two.is_some() && three.is_some());
            let found = server.connections().await;
            assert!(connections.contains(&found), "{found}");
        }
    }

    #[tokio::test]
    async fn a_request_is_sent_once_on_a_new_connection() {
        let (server, client) = (Server::start(&[0]).await, client(Duration::ZERO));
        assert_eq!(get(&client, &server).await, None);
        assert_eq!(server.connections().await, 1);
    }
}
