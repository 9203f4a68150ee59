//! `POST /calendly/mcp`: a stateless server of the Model Context Protocol.

use std::process::ExitCode;

use mcp::Mcp;

fn main() -> ExitCode {
    shared::run(Mcp::from_variables)
}
