//! A stand-in for the Calendly API and a token issuer on one port, for local runs and tests. Never deployed.
//!
//! - **Calendly API** at the root: `/users/me`, `/event_types`, `/event_types/{id}` and `/event_type_available_times`.
//!   Resource URIs start with `https://api.calendly.com`, not with the sandbox's own address. Comments mark unconfirmed
//!   behavior of the real API as *assumed*. By default there is one organization with three users: its owner, whose
//!   [`DEFAULT_PAT`] can read the other two users' resources, and two members ([`KIM_PAT`], [`NOOR_PAT`]).
//! - **Token issuer** under `/issuer`: `.well-known/openid-configuration`, `jwks` and `token` (the password grant).
//! - **[Controls](#controls)** under `/sandbox` and `/issuer`.
//! - **Static files** from [`Config::pages`], which take precedence over the paths above.
//! - `GET /healthz` responds with `ok`.
//!
//! ```no_run
//! # async fn example() -> Result<(), std::io::Error> {
//! use sandbox::{Config, Fault, Sandbox};
//!
//! let sandbox = Sandbox::start(Config::default()).await?;
//! sandbox.fault("/event_types", 2, Fault::status(503));
//! let base_url = sandbox.base_url(); // Call it with `sandbox::DEFAULT_PAT`.
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("../CONTROLS.md")]

mod app_state;
mod calendly;
mod call_log;
mod config;
mod controls;
mod fault;
mod fault_server;
mod identifier;
mod intercept;
mod issuer;
mod sandbox;
mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use call_log::Call;
pub use config::{Account, Catalog, Config, DEFAULT_PAT, KIM_PAT, NOOR_PAT};
pub use fault::Fault;
pub use fault_server::FaultServer;
pub use issuer::{Algorithm, KeyChoice, Mint};
pub use sandbox::Sandbox;

/// Locks a mutex and ignores poisoning: no critical section leaves its data half-updated.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
