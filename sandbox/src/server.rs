//! An HTTP/1.1 server whose handlers can replace their response with raw bytes.

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

/// Raw bytes that replace an HTTP response, and the end of the connection.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// The pause before each byte of the body; `None` to send it at once.
    pub(crate) pause_per_byte: Option<Duration>,
    pub(crate) end: End,
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// Sends TCP RST.
    Reset,
    /// Closes the connection gracefully.
    Close,
    /// Keeps the connection open until the client closes it.
    Hang,
    /// Repeats these bytes until the client closes the connection.
    Repeat(Vec<u8>),
}

/// The connection of a request; an extension of every request.
#[derive(Debug, Clone)]
pub(crate) struct Connection(UnboundedSender<RawResponse>);

impl Connection {
    /// Sends a raw response and ends the connection, which drops the calling handler.
    pub(crate) async fn end(&self, response: RawResponse) -> Infallible {
        // Sending fails only if the connection is already closed.
        let _ = self.0.send(response);
        pending().await
    }
}

/// Serves until dropped, which also closes every connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, accepted: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = listener.accept() => match incoming {
                Ok((stream, _)) => {
                    accepted.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(serve_connection(stream, router.clone()));
                }
                // For example, no file descriptor is free until other connections end.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let (sender, mut receiver) = unbounded_channel();
    let connection = Connection(sender);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        // Clients with a connection pool expect idle connections to stay open.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let response = tokio::select! {
        _ = &mut http => return,
        Some(response) = receiver.recv() => response,
    };
    // The client may close the connection at any point of the raw response.
    let _ = response.send(http.into_parts().io.into_inner()).await;
}

impl RawResponse {
    /// Creates a response without a body.
    pub(crate) fn new(head: impl Into<Vec<u8>>, end: End) -> Self {
        Self { head: head.into(), body: Vec::new(), pause_per_byte: None, end }
    }

    async fn send(self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.head).await?;
        match self.pause_per_byte {
            None => stream.write_all(&self.body).await?,
            Some(pause) => {
                for byte in self.body {
                    sleep(pause).await;
                    stream.write_all(&[byte]).await?;
                }
            }
        }
        match self.end {
            End::Reset => stream.set_zero_linger(),
            End::Close => stream.shutdown().await,
            End::Hang => stream.read_to_end(&mut Vec::new()).await.map(drop),
            End::Repeat(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
        }
    }
}
