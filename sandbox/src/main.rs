//! The sandbox as a program; see `--help`.

mod options;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use sandbox::{Config, Sandbox};

use options::Order;

/// What a shell is told of a wrong command line.
const USAGE_ERROR: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match options::read(std::env::args().skip(1)) {
        Ok(Order::Start(config)) => run(*config).await,
        Ok(Order::Help) => {
            let _ = stdout().write_all(options::HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(stderr(), "sandbox: {error}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

/// Serves until it is told to stop.
async fn run(config: Config) -> ExitCode {
    let sandbox = match Sandbox::start(config).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let _ = writeln!(stderr(), "sandbox: {error}; choose another address with --listen");
            return ExitCode::FAILURE;
        }
    };
    let mut out = stdout();
    // Whoever started it may wait for this line.
    let _ = writeln!(out, "{}", sandbox.base_url()).and_then(|()| out.flush());
    stopped().await;
    ExitCode::SUCCESS
}

/// Ctrl-C, or the `SIGTERM` of a supervisor.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};

    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}
