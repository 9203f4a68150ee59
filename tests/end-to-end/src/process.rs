//! Signals to a function's process, and its resource usage as Linux reports it.

use std::process::Command;

use crate::function::Function;

impl Function {
    /// Freezes the process, as Lambda freezes an environment between invocations.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Thaws the process.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().await.to_string()]).status();
        assert!(status.expect("`kill` is there").success(), "the process is gone");
    }

    /// The peak resident memory of the process, in bytes.
    pub async fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:").await
    }

    /// The resident memory of the process, in bytes.
    pub async fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:").await
    }

    /// The resident memory that is not backed by files, in bytes.
    pub async fn anonymous_memory(&self) -> u64 {
        self.memory("RssAnon:").await
    }

    /// The number of open file descriptors of the process.
    pub async fn file_descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id().await));
        open.expect("the process runs, on Linux").count()
    }

    /// Reads a size, in KiB, of `/proc/<pid>/status`.
    async fn memory(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.id().await);
        let status = std::fs::read_to_string(&status).expect("the process runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the size is there");
        let kibibytes = line.trim().strip_suffix(" kB").expect("KiB").parse::<u64>();
        kibibytes.expect("a number") * 1024
    }
}
