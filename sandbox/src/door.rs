//! A door in front of any server, through which calls go wrong as they do in the sandbox.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Fault;
use crate::calls::CallLog;
use crate::fault::Faults;
use crate::intercept::{Intercepted, intercept};
use crate::server::serve;

/// Hands every call on to a server, unless a fault was ordered for its path. It closes when it is dropped.
#[derive(Debug)]
pub struct Door {
    behind: Arc<Behind>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Behind {
    /// Address and port.
    server: String,
    calls: Arc<CallLog>,
    faults: Faults,
}

impl Intercepted for Behind {
    fn calls(&self) -> &Arc<CallLog> {
        &self.calls
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Door {
    /// A door in front of the server at this URL, `http://` with address and port.
    ///
    /// # Errors
    ///
    /// There is no port left to listen on.
    pub async fn to(url: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/').to_owned();
        let behind = Arc::new(Behind { server, calls: Arc::new(CallLog::new()), faults: Faults::default() });
        let router = Router::new()
            .fallback(hand_on)
            .layer(from_fn_with_state(Arc::clone(&behind), intercept::<Behind>))
            .with_state(Arc::clone(&behind));
        let server = tokio::spawn(serve(listener, router, Arc::new(AtomicU64::new(0))));
        Ok(Self { behind, address, server })
    }

    /// `http://`, address and port.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the next calls of exactly this path go wrong, after what was ordered for it before.
    pub fn fault(&self, path: &str, times: u32, fault: Fault) {
        self.behind.faults.add(path, times, fault);
    }

    /// Forgets the faults still to come.
    pub fn clear_faults(&self) {
        self.behind.faults.clear();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Over a connection of its own, so that no two calls have to do with each other.
async fn hand_on(State(behind): State<Arc<Behind>>, request: Request) -> Response<Body> {
    match send(&behind.server, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("nobody behind the door: {error}")).into_response(),
    }
}

async fn send(server: &str, request: Request) -> Result<Response<Body>, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Body::new))
}
