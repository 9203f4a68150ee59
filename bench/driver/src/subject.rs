//! The compared programs.

use end_to_end::{Binary, Program};

use crate::{exchange::Exchange, workspace};

/// The output of `cargo lambda build`.
const BUILT: &str = "target/lambda";
/// The peer's packages and its code.
const PEER: [&str; 2] = ["target/peer", "bench/peer"];
/// The peer's interpreter.
const PEER_PYTHON: &str = "target/peer-python";

/// A program and the requested route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A function that does nothing, with an empty answer or one as long as a function's.
    Floor(Option<Binary>),
    /// The Python service.
    Peer(Binary),
    /// A function.
    Function(Binary),
}

impl Subject {
    /// Each program with each of its routes.
    pub(crate) fn all() -> Vec<Self> {
        let floors = [None, Some(Binary::UserEventTypes), Some(Binary::CheckAvailability)].map(Self::Floor);
        let functions = Binary::WITH_GET_ROUTE.map(Self::Function);
        floors.into_iter().chain(functions).chain(Binary::WITH_GET_ROUTE.map(Self::Peer)).collect()
    }

    pub(crate) fn program_name(self) -> &'static str {
        match self {
            Self::Floor(_) => "floor",
            Self::Peer(_) => "peer",
            Self::Function(binary) => binary.name(),
        }
    }

    /// The function whose route it serves, if any.
    pub(crate) fn route(self) -> Option<Binary> {
        match self {
            Self::Floor(like) => like,
            Self::Peer(binary) | Self::Function(binary) => Some(binary),
        }
    }

    pub(crate) fn program(self) -> Program {
        let name = self.program_name().to_owned();
        match self {
            Self::Floor(_) | Self::Function(_) => {
                let command = workspace::file(BUILT).join(&name).join("bootstrap");
                assert!(command.is_file(), "{} is not built: run `make bench`", command.display());
                Program { name, command, arguments: Vec::new() }
            }
            Self::Peer(_) => Program {
                name,
                command: workspace::file(PEER_PYTHON),
                // Without this machine's site packages.
                arguments: ["-S", "-m", "awslambdaric", "app.handler"].map(Into::into).into(),
            },
        }
    }

    /// The environment variable of this program only.
    pub(crate) fn variable(self, exchange: &Exchange) -> Option<(String, String)> {
        match self {
            Self::Floor(None) | Self::Function(_) => None,
            Self::Floor(Some(_)) => Some(("ANSWER_BYTES".to_owned(), exchange.length().to_string())),
            Self::Peer(_) => {
                let path = PEER.map(|folder| workspace::file(folder).display().to_string()).join(":");
                Some(("PYTHONPATH".to_owned(), path))
            }
        }
    }
}
