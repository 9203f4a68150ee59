//! Clocks with an offset or a different speed, using libfaketime.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// The clock of processes started with its [`Self::variables`].
#[derive(Debug)]
pub struct FakeClock {
    library: String,
    /// Holds the offset; libfaketime reads it with every query of the time.
    file: PathBuf,
}

impl FakeClock {
    /// Creates a clock without an offset.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("clock-{}-{number}", std::process::id()));
        let clock = Self { library: library(), file };
        clock.set_offset(Duration::ZERO);
        clock
    }

    /// The environment variables of a process. With `is_monotonic`, the offset applies to the monotonic clock too.
    pub fn variables(&self, is_monotonic: bool) -> [(&'static str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().expect("a path in UTF-8")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", if is_monotonic { "0" } else { "1" }),
        ]
    }

    /// Sets the offset, in whole seconds.
    pub fn set_offset(&self, time: Duration) {
        // Renaming is atomic.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("+{}\n", time.as_secs())).expect("a temporary file");
        fs::rename(&new, &self.file).expect("a temporary file");
    }
}

/// The environment variables of a process whose clock runs at this speed, so that its time-outs do not expire early on a busy
/// machine.
pub fn slow_clock(speed: f64) -> [(&'static str, String); 3] {
    [
        ("LD_PRELOAD", library()),
        ("FAKETIME", format!("+0 x{speed}")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "0".to_owned()),
    ]
}

/// The path of the library, as reported by `faketime`.
fn library() -> String {
    remove_leftovers();
    let output = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let output = output.expect("faketime is missing: `python3 scripts/tools.py test` installs it");
    String::from_utf8(output.stdout).expect("a path").trim().to_owned()
}

/// Removes the shared memory of killed processes. libfaketime names it after the process id, and does nothing in a later
/// process with the same id.
fn remove_leftovers() {
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let id = name.strip_prefix("faketime_shm_").or_else(|| name.strip_prefix("sem.faketime_sem_"));
        if id.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FakeClock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}
