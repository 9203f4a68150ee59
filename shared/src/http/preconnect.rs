//! A connection that is open before there is a request for it.
//!
//! A client connects when it is asked to send. During init there is nothing to send yet, and nothing
//! may be sent: a connection is opened, put aside, and handed to the first request that wants one.

use std::{
    any::Any,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use reqwest::Client;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::IDLE_TIMEOUT;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The connection that was put aside, if any. The layer of a client that calls one host only.
#[derive(Clone, Default)]
pub(crate) struct Preconnected(Arc<State>);

#[derive(Default)]
struct State {
    /// Whether the next connection is to be put aside.
    puts_aside: AtomicBool,
    connection: Mutex<Option<(Instant, Box<dyn Any + Send>)>>,
}

impl Preconnected {
    /// Opens a connection to the host of `url` and puts it aside. Nothing is sent over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why the host could not be reached.
    pub(crate) async fn open(&self, client: &Client, url: &str) -> Result<(), String> {
        self.0.puts_aside.store(true, Ordering::Relaxed);
        // The layer fails this request as soon as its connection is open, before a byte of it is sent.
        let unsent = client.get(url).send().await;
        self.0.puts_aside.store(false, Ordering::Relaxed);
        let is_open = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        match unsent {
            _ if is_open => Ok(()),
            Ok(_) => Ok(()),
            Err(error) if error.is_timeout() => Err("connecting timed out".to_owned()),
            Err(_) => Err("connecting failed".to_owned()),
        }
    }

    fn take<C: 'static>(&self) -> Option<C> {
        let (opened, connection) = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if opened.elapsed() > IDLE_TIMEOUT {
            return None;
        }
        connection.downcast().ok().map(|connection| *connection)
    }

    fn put_aside<C: Send + 'static>(&self, connection: C) {
        let aside: (Instant, Box<dyn Any + Send>) = (Instant::now(), Box::new(connection));
        *self.0.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(aside);
    }
}

impl fmt::Debug for Preconnected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Preconnected").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Preconnected {
    type Service = Connector<S>;

    fn layer(&self, connect: S) -> Connector<S> {
        Connector { connect, preconnected: self.clone() }
    }
}

/// Connects with `connect`, or with the connection that was put aside.
#[derive(Clone)]
pub(crate) struct Connector<S> {
    connect: S,
    preconnected: Preconnected,
}

/// The connection was put aside, so this request does not have one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was put aside for the next request")]
struct PutAside;

impl<S, Destination> Service<Destination> for Connector<S>
where
    S: Service<Destination, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connect.poll_ready(context)
    }

    fn call(&mut self, destination: Destination) -> Self::Future {
        let preconnected = self.preconnected.clone();
        if preconnected.0.puts_aside.load(Ordering::Relaxed) {
            let connecting = self.connect.call(destination);
            return Box::pin(async move {
                preconnected.put_aside(connecting.await?);
                Err(PutAside.into())
            });
        }
        match preconnected.take() {
            Some(connection) => Box::pin(async move { Ok(connection) }),
            None => Box::pin(self.connect.call(destination)),
        }
    }
}
