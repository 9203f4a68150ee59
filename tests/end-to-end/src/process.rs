//! What Linux does with a function's process, and what it tells of it.

use std::process::Command;

use crate::function::Function;

impl Function {
    /// Stops the process, as Lambda freezes an environment between invocations.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Lets the process go on.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().await.to_string()]).status();
        assert!(status.expect("`kill` is there").success(), "the process is gone");
    }

    /// The most memory that the process ever held at once, in bytes.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:").await
    }

    /// The memory that the process holds now, in bytes.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn memory_now(&self) -> u64 {
        self.memory("VmRSS:").await
    }

    /// What of that is its own, in bytes. The rest are pages of its executable and libraries, which the kernel takes back
    /// and reads again as it needs room.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn own_memory_now(&self) -> u64 {
        self.memory("RssAnon:").await
    }

    /// How many file descriptors the process has open.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn file_descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id().await));
        open.expect("the process runs, on Linux").count()
    }

    /// `name` is one of the sizes in `/proc/<pid>/status`, which are in KiB.
    async fn memory(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.id().await);
        let status = std::fs::read_to_string(&status).expect("the process runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the size is there");
        let kibibytes = line.trim().strip_suffix(" kB").expect("KiB").parse::<u64>();
        kibibytes.expect("a number") * 1024
    }
}
