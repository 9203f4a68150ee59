//! A way to a server whose connections can be cut, as they die while an environment is frozen.

use std::sync::{Arc, Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle},
};

/// Passes on every byte between its own port and a server's.
#[derive(Debug)]
pub struct Relay {
    /// `http://`, address and port.
    pub url: String,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    listening: JoinHandle<()>,
}

impl Relay {
    /// A way to the server of this URL, which has no path.
    ///
    /// # Panics
    ///
    /// There is no port left.
    pub async fn to(url: &str) -> Self {
        let server = url.strip_prefix("http://").expect("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let opened = connections.clone();
        let listening = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.expect("a connection");
                let server = server.clone();
                let connection = tokio::spawn(async move {
                    // How it ends is what the test is about.
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
                opened.lock().expect("no panic while locked").push(connection.abort_handle());
            }
        });
        Self { url, connections, listening }
    }

    /// How many connections were opened so far.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.connections.lock().expect("no panic while locked").len()
    }

    /// Closes every connection that is open, and says how many were.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn cut(&self) -> usize {
        let connections = self.connections.lock().expect("no panic while locked");
        let open: Vec<_> = connections.iter().filter(|connection| !connection.is_finished()).collect();
        open.iter().for_each(|connection| connection.abort());
        open.len()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}
