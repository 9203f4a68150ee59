//! The `sandbox` command; see `--help`.

mod options;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use sandbox::{Config, Sandbox};

use options::Command;

/// Exit code for an invalid command line.
const USAGE_ERROR: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)) {
        Ok(Command::Start(config)) => run(*config).await,
        Ok(Command::Help) => {
            let _ = stdout().write_all(options::HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(stderr(), "sandbox: {error}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

/// Serves until a signal ends the process.
async fn run(config: Config) -> ExitCode {
    let address = config.listen;
    let sandbox = match Sandbox::start(config).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let _ = writeln!(stderr(), "sandbox: {address}: {error}; choose another address with --listen");
            return ExitCode::FAILURE;
        }
    };
    let mut out = stdout();
    // Parent processes wait for this line.
    let _ = writeln!(out, "{}", sandbox.base_url()).and_then(|()| out.flush());
    std::future::pending().await
}
