//! Connections that are open before there is a request for them.
//!
//! A client connects when it is asked to send. During init there is nothing to send yet, and nothing
//! may be sent: a connection is opened, put aside, and handed to the first request that wants one.

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

/// Connections die while an environment is frozen, so idle ones are not kept for long.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

tokio::task_local! {
    static ORIGIN: Cell<Origin>;
}

/// Where the connection of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It has served a request before.
    Pool,
    /// It was put aside when it was opened, then.
    SpareConnection(Instant),
    /// It was opened for this request.
    New,
}

/// Sends, and tells over which connection that was.
pub(super) async fn watch<T>(sending: impl Future<Output = T>) -> (T, Origin) {
    let watched = async { (sending.await, ORIGIN.with(Cell::get)) };
    ORIGIN.scope(Cell::new(Origin::Pool), watched).await
}

/// The connection that was put aside, if any.
#[derive(Clone, Default)]
pub(super) struct SpareConnection(Arc<Mutex<Option<Opened>>>);

/// A connection, and when it was opened. Its type is `reqwest`'s own and has no name outside.
struct Opened {
    at: Instant,
    connection: Box<dyn Any + Send>,
    is_alive: fn(&mut (dyn Any + Send)) -> bool,
}

impl SpareConnection {
    fn put<C: Read + Unpin + Send + 'static>(&self, connection: C) {
        let opened = Opened { at: Instant::now(), connection: Box::new(connection), is_alive: is_alive::<C> };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    /// The connection and when it was opened, if it is alive.
    fn take<C: 'static>(&self) -> Option<(C, Instant)> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if !opened.would_serve() {
            return None;
        }
        opened.connection.downcast().ok().map(|connection| (*connection, opened.at))
    }

    pub(super) fn has_one_alive(&self) -> bool {
        let mut aside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aside.as_mut().is_some_and(Opened::would_serve)
    }

    /// When the connection was opened.
    pub(super) fn opened(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|opened| opened.at)
    }
}

impl Opened {
    fn would_serve(&mut self) -> bool {
        self.at.elapsed() <= IDLE_TIMEOUT && (self.is_alive)(&mut *self.connection)
    }
}

/// Whether a connection on which nothing was sent is still open: then there is nothing to be read, not even
/// its end.
fn is_alive<C: Read + Unpin + 'static>(connection: &mut (dyn Any + Send)) -> bool {
    let Some(connection) = connection.downcast_mut::<C>() else { return false };
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut nobody = Context::from_waker(Waker::noop());
    Pin::new(connection).poll_read(&mut nobody, buffer.unfilled()).is_pending()
}

impl fmt::Debug for SpareConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SpareConnection").finish_non_exhaustive()
    }
}

/// What a client does with a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// It puts it aside and sends nothing: each of its requests fails as soon as its connection is open.
    Preconnect,
    /// It takes the one that was put aside, or else a new one.
    Reuse,
}

/// The layer around a client's connector.
#[derive(Debug, Clone)]
pub(super) struct PreconnectLayer {
    pub(super) role: Role,
    pub(super) aside: SpareConnection,
}

impl<S> Layer<S> for PreconnectLayer {
    type Service = Connector<S>;

    fn layer(&self, connect: S) -> Connector<S> {
        Connector { connect, connecting: self.clone() }
    }
}

/// Connects with `connect`, and puts the connection aside or takes the one that is there.
#[derive(Clone)]
pub(super) struct Connector<S> {
    connect: S,
    connecting: PreconnectLayer,
}

/// The connection was put aside, so this request does not have one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was put aside for a request to come")]
struct PutAside;

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
        let aside = self.connecting.aside.clone();
        match self.connecting.role {
            Role::Preconnect => {
                let connecting = self.connect.call(destination);
                Box::pin(async move {
                    aside.put(connecting.await?);
                    Err(PutAside.into())
                })
            }
            Role::Reuse => match aside.take() {
                Some((connection, opened)) => {
                    note(Origin::SpareConnection(opened));
                    Box::pin(async move { Ok(connection) })
                }
                None => {
                    note(Origin::New);
                    Box::pin(self.connect.call(destination))
                }
            },
        }
    }
}

fn note(origin: Origin) {
    // An error says that nobody watches.
    let _ = ORIGIN.try_with(|cell| cell.set(origin));
}
