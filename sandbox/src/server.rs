//! Connections, served in a way that lets a handler end one against the rules of HTTP.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};
use tower::ServiceExt;

/// What a handler wants to be sent over its connection in place of an HTTP answer, and what comes then.
#[derive(Debug)]
pub(crate) struct Ending {
    /// What is sent at once.
    pub(crate) bytes: Vec<u8>,
    /// What is sent after that a byte at a time, each this much later than the one before.
    pub(crate) drip: Option<(Duration, Vec<u8>)>,
    pub(crate) then: Then,
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum Then {
    /// TCP RST.
    Reset,
    /// In order.
    Close,
    /// When the client ends it.
    Hang,
    /// When the client ends it: until then these bytes, over and over.
    Repeat(Vec<u8>),
}

impl From<Then> for Ending {
    /// Without a byte.
    fn from(then: Then) -> Self {
        Self { bytes: Vec::new(), drip: None, then }
    }
}

/// The connection of a request, an extension of every request.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// Counted from 1 in the order in which connections were accepted.
    pub(crate) number: u64,
    endings: UnboundedSender<Ending>,
}

impl Connection {
    /// Ends the connection, and with it the handler that calls this.
    pub(crate) async fn end(&self, ending: Ending) -> Infallible {
        // Nobody listening means that the connection is already gone.
        let _ = self.endings.send(ending);
        pending().await
    }
}

/// Serves until dropped, which also ends every connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, accepted: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = listener.accept() => match incoming {
                Ok((stream, _)) => {
                    let number = accepted.fetch_add(1, Ordering::Relaxed) + 1;
                    connections.spawn(serve_connection(stream, router.clone(), number));
                }
                // Out of file descriptors or the like: others must end before it can go on.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router, number: u64) {
    let _ = stream.set_nodelay(true);
    let (endings, mut wanted) = unbounded_channel();
    let connection = Connection { number, endings };
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        // An idle connection stays open, as clients that keep one ready expect.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let ending = tokio::select! {
        // How a client leaves is its own affair.
        _ = &mut served => return,
        Some(ending) = wanted.recv() => ending,
    };
    // How far it gets is the client's affair.
    let _ = ending.send(served.into_parts().io.into_inner()).await;
}

impl Ending {
    async fn send(self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes).await?;
        if let Some((pause, bytes)) = self.drip {
            for byte in bytes {
                sleep(pause).await;
                stream.write_all(&[byte]).await?;
            }
        }
        match self.then {
            Then::Reset => stream.set_zero_linger(),
            Then::Close => stream.shutdown().await,
            Then::Hang => stream.read_to_end(&mut Vec::new()).await.map(drop),
            Then::Repeat(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
        }
    }
}
