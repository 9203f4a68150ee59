//! `GET /calendly/check-availability`: when event types have open times.

use std::process::ExitCode;

fn main() -> ExitCode {
    check_availability::run()
}
