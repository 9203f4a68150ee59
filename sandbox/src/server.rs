//! Connections, served in a way that lets a handler end one against the rules of HTTP.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How a handler wants its connection to end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// TCP RST, without a byte.
    Reset,
    /// These bytes, then an orderly close.
    Close(Vec<u8>),
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
    let mut stream = served.into_parts().io.into_inner();
    match ending {
        Ending::Reset => {
            let _ = stream.set_zero_linger();
        }
        Ending::Close(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    }
}
