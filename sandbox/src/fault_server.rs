//! A server with faults on demand, for other stand-ins.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::intercept::{Interceptor, intercept};
use crate::server::serve;
use crate::{Call, Fault};

/// A server that records calls and injects [`Fault`]s, as the sandbox does. Dropping it stops the server.
#[derive(Debug)]
pub struct FaultServer {
    interceptor: Arc<Interceptor>,
    address: SocketAddr,
    /// Aborted on drop.
    _server: JoinSet<()>,
}

impl FaultServer {
    /// Starts a server with these routes on a free port.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn start(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let interceptor = Arc::new(Interceptor::default());
        let router = router.layer(from_fn_with_state(Arc::clone(&interceptor), intercept));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, router, Arc::new(AtomicU64::new(0))));
        Ok(Self { interceptor, address, _server: server })
    }

    /// Returns the server's URL: `http://`, address and port.
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

    /// Returns the requests, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.interceptor.calls.snapshot()
    }

    /// Clears the recorded requests.
    pub fn forget_calls(&self) {
        self.interceptor.calls.clear();
    }
}
