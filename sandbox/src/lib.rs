//! A Calendly stand-in and a token issuer on one port, for local runs and tests; never deployed.
//!
//! - **Calendly** at the root: `/users/me`, `/event_types`, `/event_type_available_times` and the
//!   single reads. Resources have their canonical `https://api.calendly.com/…` URIs, whatever
//!   address the sandbox listens on. The same [`Config::seed`] and clock give the same answers.
//!   Where Calendly's behaviour is not confirmed, the item that decides says what it assumes.
//!   There are three users of one organization, who are not free at the same times: the owner, whose
//!   [`DEFAULT_PAT`] reads what is theirs too, and two more ([`KIM_PAT`], [`NOOR_PAT`]).
//! - **An issuer** under `/issuer`: `.well-known/openid-configuration`, `jwks`, `token` (password
//!   and client-credentials grants), and for tests `mint` (a [`Mint`]) and `rotate`.
//! - **Controls** under `/sandbox`: `POST faults` (`path`, `times` and a [`Fault`]), `GET calls`,
//!   `POST pats` (`pat`, `user`, `scopes`, `revoke`), and `DELETE` of faults and calls.
//! - **Pages**, where [`Config::pages`] names a directory: the files in it, before everything above.
//! - `GET /healthz` answers `ok`.
//!
//! ```sh
//! curl localhost:4010/sandbox/faults -H 'content-type: application/json' \
//!   -d '{"path": "/event_types", "times": 2, "fault": {"kind": "status", "status": 503}}'
//! curl localhost:4010/issuer/mint -H 'content-type: application/json' \
//!   -d '{"alg": "ES256", "claims": {"exp": 1, "aud": null}}'
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), sandbox::StartError> {
//! use sandbox::{Config, Fault, Sandbox};
//!
//! let sandbox = Sandbox::start(Config::default()).await?;
//! sandbox.fault("/event_types", 2, Fault::status(503));
//! let address = sandbox.base_url(); // to be called with `sandbox::DEFAULT_PAT`
//! # Ok(())
//! # }
//! ```

mod calendly;
mod calls;
mod clock;
mod config;
mod door;
mod fault;
mod identifier;
mod intercept;
mod issuer;
mod lock;
mod pages;
mod routes;
mod running;
mod server;
mod world;

pub use calls::Call;
pub use clock::Clock;
pub use config::{Account, Catalogue, Config, DEFAULT_PAT, KIM_PAT, NOOR_PAT, Scope};
pub use door::Door;
pub use fault::Fault;
pub use issuer::{Algorithm, CLIENT_ID, CLIENT_SECRET, KeyChoice, KeyError, Mint, PASSWORD, USERNAME};
pub use running::{Sandbox, StartError};
