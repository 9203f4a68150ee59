//! `GET /calendly/check-availability`: the available times of event types.

use std::process::ExitCode;

use check_availability::CheckAvailability;

fn main() -> ExitCode {
    shared::run(CheckAvailability::from_variables)
}
