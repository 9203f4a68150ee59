//! The memory and CPU limits of Lambda's smallest functions, by Linux's control groups.
//!
//! <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html>, <https://docs.kernel.org/admin-guide/cgroup-v2.html>

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::function::Program;

/// Lambda's smallest memory size, in bytes.
pub const SMALLEST_MEMORY: u64 = 128 * 1024 * 1024;

/// A seventh of a CPU: microseconds per [`PERIOD`].
const QUOTA: u32 = PERIOD / 7;
const PERIOD: u32 = 20_000;

/// A control group for one process. Drop it after the process has exited.
#[derive(Debug)]
pub struct ControlGroup {
    groups: Vec<PathBuf>,
}

impl ControlGroup {
    /// Creates a group with [`SMALLEST_MEMORY`] and, if `limits_cpu`, a seventh of a CPU. Binaries without optimization need the
    /// whole CPU. Fails if this user may not create groups.
    pub fn new(limits_cpu: bool) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("end-to-end-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = Path::new("/sys/fs/cgroup");
        // Version 2 has one group for all controllers, version 1 one each.
        let memory = SMALLEST_MEMORY.to_string();
        let limits = if root.join("cgroup.controllers").exists() {
            vec![("", "memory.max", memory), ("", "cpu.max", format!("{QUOTA} {PERIOD}"))]
        } else {
            vec![
                ("memory", "memory.limit_in_bytes", memory),
                ("cpu", "cpu.cfs_period_us", PERIOD.to_string()),
                ("cpu", "cpu.cfs_quota_us", QUOTA.to_string()),
            ]
        };
        let mut made = Self { groups: Vec::new() };
        for (controller, file, value) in limits {
            if limits_cpu || !file.starts_with("cpu") {
                let group = root.join(controller).join(&name);
                if !made.groups.contains(&group) {
                    fs::create_dir(&group)?;
                    made.groups.push(group.clone());
                }
                fs::write(group.join(file), value)?;
            }
        }
        Ok(made)
    }

    /// Wraps a program so that it runs in the group from its first instruction.
    pub fn wrap(&self, program: Program) -> Program {
        let Program { name, command, arguments } = program;
        let enter: String = self
            .groups
            .iter()
            .map(|group| format!("echo $$ > {}/cgroup.procs && ", group.display()))
            .collect();
        let mut shell = vec!["-c".into(), format!(r#"{enter}exec "$0" "$@""#).into(), command.into()];
        shell.extend(arguments);
        Program { name, command: "/bin/sh".into(), arguments: shell }
    }

    /// The number of processes that the kernel killed for lack of memory.
    pub fn oom_kills(&self) -> u32 {
        let files = ["memory.events", "memory.oom_control"];
        let contents =
            self.groups.iter().flat_map(|group| files.map(|file| fs::read_to_string(group.join(file))));
        contents
            .flatten()
            .filter_map(|content| {
                content.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u32>().ok())
            })
            .sum()
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        for group in &self.groups {
            let _ = fs::remove_dir(group);
        }
    }
}
