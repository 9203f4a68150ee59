//! A way to a server that can be cut, barred and, over TLS, made untrustworthy.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, copy_bidirectional},
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinHandle},
};
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Certificate};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Passes on every byte between its own port and a server's.
#[derive(Debug)]
pub struct Relay {
    /// `http://` or `https://`, address and port.
    pub url: String,
    address: SocketAddr,
    way: Arc<Way>,
    /// Has the port and never listens: nobody else gets it while the relay is barred.
    _port: TcpSocket,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Way {
    server: OnceLock<String>,
    acceptor: Mutex<Option<TlsAcceptor>>,
    connections: Mutex<Vec<AbortHandle>>,
    /// Sent to what is open when it is doomed.
    dooms: watch::Sender<()>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Way").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Relay {
    /// A way to the server of this URL, `http://` with address and port.
    ///
    /// # Panics
    ///
    /// There is no port left.
    pub async fn to(url: &str) -> Self {
        let relay = Self::new(None);
        relay.lead_to(url);
        relay
    }

    /// A way that leads nowhere yet; over TLS with a good certificate if there is an authority.
    ///
    /// # Panics
    ///
    /// There is no port left.
    #[must_use]
    pub fn new(authority: Option<&Authority>) -> Self {
        let port = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = port.local_addr().expect("an address");
        let scheme = if authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let relay = Self { url, address, way: Arc::default(), _port: port, listening: Mutex::default() };
        if let Some(authority) = authority {
            relay.show(authority, Certificate::Good);
        }
        relay.open();
        relay
    }

    /// Where it leads: `http://` with address and port. Once for all.
    ///
    /// # Panics
    ///
    /// It leads somewhere already.
    pub fn lead_to(&self, url: &str) {
        let server = url.strip_prefix("http://").expect("http://").to_owned();
        self.way.server.set(server).expect("it leads nowhere yet");
    }

    /// From the next connection on over TLS, with such a certificate.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn show(&self, authority: &Authority, certificate: Certificate) {
        let acceptor = TlsAcceptor::from(authority.server(certificate));
        *self.way.acceptor.lock().expect("no panic while locked") = Some(acceptor);
    }

    /// Refuses connections until it is opened again; those that are open stay so.
    ///
    /// # Panics
    ///
    /// Never.
    pub async fn bar(&self) {
        let listening = self.listening.lock().expect("no panic while locked").take();
        if let Some(listening) = listening {
            listening.abort();
            // Until nobody listens.
            let _ = listening.await;
        }
    }

    /// Takes connections again.
    ///
    /// # Panics
    ///
    /// The port cannot be listened on.
    pub fn open(&self) {
        let listener = socket(self.address).listen(BACKLOG).expect("a port to listen on");
        let way = self.way.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = tokio::spawn(way.clone().lead(client));
                way.connections.lock().expect("no panic while locked").push(connection.abort_handle());
            }
        });
        *self.listening.lock().expect("no panic while locked") = Some(listening);
    }

    /// How many connections were opened so far.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.way.connections.lock().expect("no panic while locked").len()
    }

    /// Closes every connection that is open, and says how many were.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn cut(&self) -> usize {
        let connections = self.way.connections.lock().expect("no panic while locked");
        let open: Vec<_> = connections.iter().filter(|connection| !connection.is_finished()).collect();
        open.iter().for_each(|connection| connection.abort());
        open.len()
    }

    /// Lets every connection that is open die without a sign of it: only who sends over it is told, by a reset.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn doom(&self) {
        self.way.dooms.send_replace(());
    }
}

impl Way {
    async fn lead(self: Arc<Self>, client: TcpStream) {
        let _ = client.set_nodelay(true);
        let acceptor = self.acceptor.lock().expect("no panic while locked").clone();
        match acceptor {
            None => self.pass_on(client).await,
            Some(acceptor) => {
                // Who does not trust the certificate goes away, and that is what it is about.
                if let Ok(client) = acceptor.accept(client).await {
                    self.pass_on(client).await;
                }
            }
        }
    }

    async fn pass_on(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) {
        let Some(server) = self.server.get() else { return };
        let mut dooms = self.dooms.subscribe();
        if let Ok(mut server) = TcpStream::connect(server).await {
            let _ = server.set_nodelay(true);
            tokio::select! {
                // How it ends is what the test is about.
                _ = copy_bidirectional(&mut client, &mut server) => {}
                // What is left unread makes the end of it a reset.
                _ = dooms.changed() => drop(client.read(&mut [0]).await),
            }
        }
    }
}

/// One that has the address, also with others, and does not listen: connections to it are refused.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("an option of sockets");
    socket.bind(address).expect("a free port");
    socket
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(listening) = &*self.listening.lock().expect("no panic while locked") {
            listening.abort();
        }
        self.cut();
    }
}
