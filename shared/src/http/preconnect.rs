//! A connection that is open before there is a request for it.
//!
//! A client connects when it is asked to send. During init there is nothing to send yet, and nothing
//! may be sent: a connection is opened, put aside, and handed to the first request that wants one.

use std::{
    any::Any,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use reqwest::{Client, ClientBuilder};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::IDLE_TIMEOUT;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections for another client, which must call one host only.
#[derive(Debug)]
pub(crate) struct Preconnector {
    /// Connects and never sends: each of its requests fails as soon as its connection is open.
    opener: Client,
    aside: Aside,
}

/// The connection that was put aside, if any.
#[derive(Clone, Default)]
struct Aside(Arc<Mutex<Option<Opened>>>);

/// A connection, and when it was opened. Its type is `reqwest`'s own and has no name outside.
struct Opened(Instant, Box<dyn Any + Send>);

impl Preconnector {
    /// A client, and what opens connections for it. Both are made of the same `builder`.
    pub(super) fn with_client(builder: impl Fn() -> ClientBuilder) -> Result<(Client, Self), reqwest::Error> {
        let aside = Aside::default();
        let layer = |role| Connecting { role, aside: aside.clone() };
        let client = builder().connector_layer(layer(Role::Takes)).build()?;
        let opener = builder().connector_layer(layer(Role::PutsAside)).build()?;
        Ok((client, Self { opener, aside }))
    }

    /// Opens a connection to the host of `url` and puts it aside. Nothing is sent over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why the host could not be reached.
    pub(crate) async fn open(&self, url: &str) -> Result<(), String> {
        let before = Instant::now();
        let unsent = self.opener.get(url).send().await;
        match unsent {
            _ if self.aside.has_one_since(before) => Ok(()),
            Err(error) if error.is_timeout() => Err("connecting timed out".to_owned()),
            _ => Err("connecting failed".to_owned()),
        }
    }
}

impl Aside {
    fn put<C: Send + 'static>(&self, connection: C) {
        let opened = Opened(Instant::now(), Box::new(connection));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    fn take<C: 'static>(&self) -> Option<C> {
        let Opened(opened, connection) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if opened.elapsed() > IDLE_TIMEOUT {
            return None;
        }
        connection.downcast().ok().map(|connection| *connection)
    }

    fn has_one_since(&self, moment: Instant) -> bool {
        let aside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aside.as_ref().is_some_and(|Opened(opened, _)| *opened >= moment)
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Aside").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
enum Role {
    PutsAside,
    Takes,
}

/// The layer around a client's connector.
#[derive(Debug, Clone)]
struct Connecting {
    role: Role,
    aside: Aside,
}

impl<S> Layer<S> for Connecting {
    type Service = Connector<S>;

    fn layer(&self, connect: S) -> Connector<S> {
        Connector { connect, connecting: self.clone() }
    }
}

/// Connects with `connect`, and puts the connection aside or takes the one that is there.
#[derive(Clone)]
struct Connector<S> {
    connect: S,
    connecting: Connecting,
}

/// The connection was put aside, so this request does not have one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was put aside for a request to come")]
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
        let aside = self.connecting.aside.clone();
        match self.connecting.role {
            Role::PutsAside => {
                let connecting = self.connect.call(destination);
                Box::pin(async move {
                    aside.put(connecting.await?);
                    Err(PutAside.into())
                })
            }
            Role::Takes => match aside.take() {
                Some(connection) => Box::pin(async move { Ok(connection) }),
                None => Box::pin(self.connect.call(destination)),
            },
        }
    }
}
