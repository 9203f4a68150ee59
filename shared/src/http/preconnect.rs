//! Preconnect: opens a connection before a request needs it.
//!
//! A client connects only to send a request. During init there is nothing to send yet: a connection is opened without
//! a request, kept as the spare connection, and used by the first request that needs one.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::rt::{Read, ReadBuf};
use tokio::time::Instant;
use tower::{Layer, Service};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The idle time-out of pooled and spare connections. It is short, since connections die while an environment is
/// frozen.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

tokio::task_local! {
    static CONNECTION_SOURCE: Cell<ConnectionSource>;
}

/// Where a request's connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionSource {
    /// The connection pool.
    Pool,
    /// The spare connection, opened at this instant.
    Spare(Instant),
    /// A new connection.
    New,
}

/// Runs `sending`, and reports which connection it used.
pub(super) async fn with_connection_source<T>(sending: impl Future<Output = T>) -> (T, ConnectionSource) {
    let observed = async { (sending.await, CONNECTION_SOURCE.with(Cell::get)) };
    CONNECTION_SOURCE.scope(Cell::new(ConnectionSource::Pool), observed).await
}

/// The slot of the spare connection.
#[derive(Clone, Default)]
pub(super) struct SpareConnection(Arc<Mutex<Option<OpenConnection>>>);

/// A connection, and when it was opened. Its type is private to `reqwest`, hence `Any`.
struct OpenConnection {
    opened: Instant,
    connection: Box<dyn Any + Send>,
    is_alive: fn(&mut (dyn Any + Send)) -> bool,
}

impl SpareConnection {
    fn put<C: Read + Unpin + Send + 'static>(&self, connection: C) {
        let connection = OpenConnection {
            opened: Instant::now(),
            connection: Box::new(connection),
            is_alive: is_alive::<C>,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    /// Takes the connection, and when it was opened, if it is usable.
    fn take<C: 'static>(&self) -> Option<(C, Instant)> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if !spare.is_usable() {
            return None;
        }
        spare.connection.downcast().ok().map(|connection| (*connection, spare.opened))
    }

    pub(super) fn is_usable(&self) -> bool {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.as_mut().is_some_and(OpenConnection::is_usable)
    }

    /// When the spare connection was opened.
    pub(super) fn opened(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|spare| spare.opened)
    }
}

impl OpenConnection {
    fn is_usable(&mut self) -> bool {
        self.opened.elapsed() <= IDLE_TIMEOUT && (self.is_alive)(&mut *self.connection)
    }
}

/// Whether a connection that has not been used is still open. On an open one a read is pending; on a closed one it
/// returns the end of the stream.
fn is_alive<C: Read + Unpin + 'static>(connection: &mut (dyn Any + Send)) -> bool {
    let Some(connection) = connection.downcast_mut::<C>() else { return false };
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(connection).poll_read(&mut context, buffer.unfilled()).is_pending()
}

impl fmt::Debug for SpareConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SpareConnection").finish_non_exhaustive()
    }
}

/// How a client uses the slot of the spare connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// Fills it. The request fails as soon as its connection is open, so nothing is sent.
    Preconnect,
    /// Uses the spare connection, or else opens a new one.
    Reuse,
}

/// The layer around a client's connector.
#[derive(Debug, Clone)]
pub(super) struct PreconnectLayer {
    pub(super) role: Role,
    pub(super) spare: SpareConnection,
}

impl<S> Layer<S> for PreconnectLayer {
    type Service = Connector<S>;

    fn layer(&self, connect: S) -> Connector<S> {
        Connector { connect, layer: self.clone() }
    }
}

/// A connector that fills or empties the slot of the spare connection.
#[derive(Clone)]
pub(super) struct Connector<S> {
    connect: S,
    layer: PreconnectLayer,
}

/// The error of a preconnecting request, whose connection became the spare one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was kept for a later request")]
struct Preconnected;

impl<S, Destination> Service<Destination> for Connector<S>
where
    S: Service<Destination, Error = BoxError>,
    S::Response: Read + Unpin + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connect.poll_ready(context)
    }

    fn call(&mut self, destination: Destination) -> Self::Future {
        let spare = self.layer.spare.clone();
        match self.layer.role {
            Role::Preconnect => {
                let connecting = self.connect.call(destination);
                Box::pin(async move {
                    spare.put(connecting.await?);
                    Err(Preconnected.into())
                })
            }
            Role::Reuse => match spare.take() {
                Some((connection, opened)) => {
                    set_connection_source(ConnectionSource::Spare(opened));
                    Box::pin(async move { Ok(connection) })
                }
                None => {
                    set_connection_source(ConnectionSource::New);
                    Box::pin(self.connect.call(destination))
                }
            },
        }
    }
}

fn set_connection_source(source: ConnectionSource) {
    // Fails outside of `with_connection_source`.
    let _ = CONNECTION_SOURCE.try_with(|cell| cell.set(source));
}
