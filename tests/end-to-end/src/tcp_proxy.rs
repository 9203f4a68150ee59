//! A TCP proxy that closes or refuses connections, and terminates TLS.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpSocket, TcpStream},
    task::{AbortHandle, JoinHandle},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    aws_service::lock,
    certificates::{Authority, Certificate},
};

/// The listen backlog.
const BACKLOG: u32 = 1024;

/// Forwards every byte between its own port and an upstream server.
pub struct TcpProxy {
    /// `http://` or `https://`, address and port.
    pub url: String,
    address: SocketAddr,
    route: Arc<Route>,
    /// Reserves the port while connections are refused.
    _port: TcpSocket,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Route {
    upstream: OnceLock<String>,
    acceptor: Mutex<Option<TlsAcceptor>>,
    connections: Mutex<Vec<AbortHandle>>,
}

impl TcpProxy {
    /// Starts a proxy to the server of this URL, `http://` with address and port.
    pub async fn to(url: &str) -> Self {
        let proxy = Self::new(None);
        proxy.set_upstream(url);
        proxy
    }

    /// Starts a proxy without an upstream; with an authority, over TLS with a good certificate.
    pub fn new(authority: Option<&Authority>) -> Self {
        let port = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = port.local_addr().expect("an address");
        let scheme = if authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let proxy = Self { url, address, route: Arc::default(), _port: port, listening: Mutex::default() };
        if let Some(authority) = authority {
            proxy.set_certificate(authority, Certificate::Good);
        }
        proxy.accept();
        proxy
    }

    /// Sets the upstream, `http://` with address and port, once.
    pub fn set_upstream(&self, url: &str) {
        let server = url.strip_prefix("http://").expect("http://").to_owned();
        self.route.upstream.set(server).expect("no upstream is set yet");
    }

    /// Uses TLS with this certificate from the next connection on.
    pub fn set_certificate(&self, authority: &Authority, certificate: Certificate) {
        *lock(&self.route.acceptor) = Some(TlsAcceptor::from(authority.server(certificate)));
    }

    /// Refuses new connections; open ones stay open.
    pub async fn refuse(&self) {
        let listening = lock(&self.listening).take();
        if let Some(listening) = listening {
            listening.abort();
            // The listener is closed when the task has ended.
            let _ = listening.await;
        }
    }

    /// Accepts connections again.
    pub fn accept(&self) {
        let listener = socket(self.address).listen(BACKLOG).expect("a port to listen on");
        let route = self.route.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = tokio::spawn(route.clone().serve(client));
                lock(&route.connections).push(connection.abort_handle());
            }
        });
        *lock(&self.listening) = Some(listening);
    }

    /// The number of connections opened so far.
    pub fn connection_count(&self) -> usize {
        lock(&self.route.connections).len()
    }

    /// Closes all open connections and returns how many there were.
    pub fn close_all(&self) -> usize {
        let connections = lock(&self.route.connections);
        let open: Vec<_> = connections.iter().filter(|connection| !connection.is_finished()).collect();
        open.iter().for_each(|connection| connection.abort());
        open.len()
    }
}

impl Route {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let _ = client.set_nodelay(true);
        let acceptor = lock(&self.acceptor).clone();
        match acceptor {
            None => self.forward(client).await,
            Some(acceptor) => {
                // A client that does not trust the certificate aborts the handshake.
                if let Ok(client) = acceptor.accept(client).await {
                    self.forward(client).await;
                }
            }
        }
    }

    async fn forward(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) {
        let Some(upstream) = self.upstream.get() else { return };
        if let Ok(mut upstream) = TcpStream::connect(upstream).await {
            let _ = upstream.set_nodelay(true);
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        }
    }
}

/// Binds a socket, which may share its address, without listening.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("an option of sockets");
    socket.bind(address).expect("a free port");
    socket
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Some(listening) = &*lock(&self.listening) {
            listening.abort();
        }
        self.close_all();
    }
}
