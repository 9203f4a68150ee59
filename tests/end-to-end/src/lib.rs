//! The harness of the end-to-end tests: runs the built functions as Lambda and API Gateway do, against the sandbox
//! (Calendly and the token issuer) and stand-ins for AWS services.
//!
//! ```no_run
//! # async fn example() {
//! use end_to_end::{Binary, Setup};
//!
//! let world = Setup::new(Binary::User).start().await;
//! let answer = world.get(&[]).await;
//! assert_eq!(answer.status, 200);
//! # }
//! ```
//!
//! `cargo build` builds the functions. A few tests need `moto_server`: named by `MOTO_SERVER`, in `.venv/bin`, or on
//! the `PATH`. The harness fails by panicking, and its messages say what to do.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a failure of the harness fails the test, and the message says why"
)]

mod answer;
mod availability;
mod aws_service;
mod certificates;
mod control_group;
mod extremes;
mod fake_clock;
pub mod fault_matrix;
mod faults;
mod function;
mod gateway;
mod http;
mod large;
mod moto;
mod openapi;
mod process;
mod reliability_page;
mod runtime_api;
mod secrets_manager;
mod table;
mod tcp_proxy;
mod wait;
mod world;

pub use answer::{Answer, raw_collection};
pub use availability::{day, midnight, time, utc, windows};
pub use certificates::{Authority, Certificate};
pub use control_group::{ControlGroup, SMALLEST_MEMORY};
pub use extremes::Extremes;
pub use fake_clock::{FakeClock, slow_clock};
pub use faults::{
    AVAILABLE_TIMES, EVENT_TYPES, ME, aws_internal_error, body_fault, json_fault, list_page, status_fault,
};
pub use function::{Binary, Function, Program};
pub use gateway::{Gateway, Request};
pub use http::{client as http_client, get as http_get, sandbox_event_types};
pub use large::{large_page, large_window, list_of, window_of_small_slots};
pub use moto::Moto;
pub use reliability_page::{check_page, write_page};
pub use runtime_api::{Invocation, Outcome};
pub use secrets_manager::SecretsManager;
pub use table::Table;
pub use tcp_proxy::TcpProxy;
pub use wait::{TIMEOUT, WHOLE_MACHINE, wait_until};
pub use world::{Setup, World, concurrent_calls, json_object};
