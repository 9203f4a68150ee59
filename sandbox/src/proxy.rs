//! A fault-injecting reverse proxy.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::from_fn_with_state;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Fault;
use crate::intercept::{Interceptor, failure, intercept};
use crate::server::serve;

/// A reverse proxy that injects the same [`Fault`]s as the sandbox. Dropping it stops the server.
#[derive(Debug)]
pub struct FaultProxy {
    interceptor: Arc<Interceptor>,
    address: SocketAddr,
    /// Aborted on drop.
    _server: JoinSet<()>,
}

impl FaultProxy {
    /// Starts a proxy for the server at this URL: `http://`, address and port.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn start(url: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let upstream = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let interceptor = Arc::new(Interceptor::default());
        let router = Router::new()
            .fallback(forward)
            .layer(from_fn_with_state(Arc::clone(&interceptor), intercept))
            .with_state(Arc::from(upstream));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, router, Arc::new(AtomicU64::new(0))));
        Ok(Self { interceptor, address, _server: server })
    }

    /// Returns the proxy's URL: `http://`, address and port.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Injects a fault into the next `times` requests for exactly this path, after earlier faults for it.
    pub fn fault(&self, path: &str, times: u32, fault: Fault) {
        self.interceptor.faults.add(path, times, fault);
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.interceptor.faults.clear();
    }
}

async fn forward(State(upstream): State<Arc<str>>, request: Request) -> Response<Body> {
    send(&upstream, request).await.unwrap_or_else(|error| failure(&*error))
}

/// Sends a request over a new connection, so that requests do not affect each other.
async fn send(upstream: &str, request: Request) -> Result<Response<Body>, Box<dyn Error>> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Body::new))
}
