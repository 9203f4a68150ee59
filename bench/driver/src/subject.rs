//! The programs that are compared.

use std::collections::BTreeMap;

use end_to_end::{Binary, Program};

use crate::{question::Question, workspace};

/// Where `cargo lambda build` puts what is deployed.
const BUILT: &str = "target/lambda";
/// What `make bench` installs for the peer, beside its code.
const PEER: [&str; 2] = ["target/peer", "bench/peer"];
/// The interpreter that runs it.
const PEER_PYTHON: &str = "target/peer-python";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A function that does nothing, with an empty answer or with one that is as long as a function's.
    Floor(Option<Binary>),
    /// The Python service, asked for the route of a function.
    Peer(Binary),
    /// One of the functions.
    Function(Binary),
}

impl Subject {
    /// Every program, for every route that it has.
    pub(crate) fn all() -> Vec<Self> {
        let floors = [None, Some(Binary::UserEventTypes), Some(Binary::CheckAvailability)].map(Self::Floor);
        let functions = Binary::ALL.map(Self::Function);
        floors.into_iter().chain(functions).chain(Binary::ALL.map(Self::Peer)).collect()
    }

    pub(crate) fn program_name(self) -> &'static str {
        match self {
            Self::Floor(_) => "floor",
            Self::Peer(_) => "peer",
            Self::Function(binary) => binary.name(),
        }
    }

    /// The function whose route it is asked for, if that matters.
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
                // Without what else is installed on this machine.
                arguments: ["-S", "-m", "awslambdaric", "app.handler"].map(Into::into).into(),
            },
        }
    }

    /// What it needs in its environment beyond what all do, to be asked this.
    pub(crate) fn variables(self, question: &Question) -> BTreeMap<String, String> {
        let variable = match self {
            Self::Floor(None) | Self::Function(_) => None,
            Self::Floor(Some(_)) => Some(("ANSWER_BYTES", question.length().to_string())),
            Self::Peer(_) => {
                let path = PEER.map(|folder| workspace::file(folder).display().to_string()).join(":");
                Some(("PYTHONPATH", path))
            }
        };
        variable.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
