//! CPU time and memory of a running process.

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

    /// Its peak resident memory in bytes.
    pub(crate) fn peak_resident(self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }

    pub(crate) fn pid(self) -> Pid {
        Pid::from_raw(i32::try_from(self.0).expect("a process id"))
    }
}
