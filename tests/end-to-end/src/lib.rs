//! Drives the built functions as Lambda and API Gateway do, against the sandbox (Calendly and the token
//! issuer) and moto (Secrets Manager). The tests of the contract are in `tests/`, one file a topic.
//!
//! A test describes its world with a [`Setup`], starts it, and asks:
//!
//! ```no_run
//! # async fn example() {
//! use end_to_end::{Binary, Setup};
//!
//! let world = Setup::of(Binary::User).start().await;
//! let answer = world.ask(&[]).await;
//! assert_eq!(answer.status, 200);
//! # }
//! ```
//!
//! Needed are the functions, built by `cargo build`, and `moto_server`: named by `MOTO_SERVER`, or in
//! `.venv/bin`, or on the `PATH`. The harness fails by panicking, and its messages say what to do.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the test, and the message says why"
)]

mod answer;
mod availability;
mod aws_service;
mod calendar;
mod certificates;
mod cognito;
mod confined;
mod description;
mod function;
mod gateway;
mod http;
mod large;
mod moto;
mod moved_clock;
mod page;
mod process;
mod relay;
mod runtime_api;
mod secrets_manager;
mod seen;
mod table;
mod wait;
mod world;

pub use answer::{Answer, raw_collection};
pub use availability::{AVAILABLE_TIMES, ask, time, utc, windows};
pub use aws_service::Trouble;
pub use calendar::{day, midnight};
pub use certificates::{Authority, Certificate};
pub use cognito::{Cognito, CognitoTokens};
pub use confined::{Confinement, SMALLEST_MEMORY};
pub use function::{Binary, Function, Program};
pub use gateway::{Gateway, Request};
pub use http::{client as http_client, get as http_get};
pub use large::{large_page, large_window, list_of, window_of_small_slots};
pub use moved_clock::MovedClock;
pub use page::{check_page, write_page};
pub use relay::Relay;
pub use runtime_api::{Invocation, Outcome};
pub use secrets_manager::SecretsManager;
pub use seen::Seen;
pub use table::Table;
pub use wait::{PATIENCE, until};
pub use world::{Setup, World};
