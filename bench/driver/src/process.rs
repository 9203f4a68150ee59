//! CPU time of a running process.

use std::time::Duration;

use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

/// A process, by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The CPU time of all its threads since its start.
    pub(crate) fn cpu_time(self) -> Duration {
        let clock = clock_getcpuclockid(self.pid()).expect("the process runs");
        clock_gettime(clock).expect("the clock can be read").into()
    }

    pub(crate) fn pid(self) -> Pid {
        Pid::from_raw(i32::try_from(self.0).expect("a process id"))
    }
}
