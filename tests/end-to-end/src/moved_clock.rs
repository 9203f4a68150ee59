//! A process whose clock can be moved, by libfaketime.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// The clock of the processes that have its variables.
#[derive(Debug)]
pub struct MovedClock {
    library: String,
    /// How far the clock is ahead; read anew whenever the time is asked for.
    file: PathBuf,
}

impl MovedClock {
    /// One that is right still.
    ///
    /// # Panics
    ///
    /// There is no `faketime`.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        // It preloads the library, and so knows where it is.
        let asked = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let asked = asked.expect("faketime is missing: it is Debian's package of that name");
        let library = String::from_utf8(asked.stdout).expect("a path").trim().to_owned();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("clock-{}-{number}", std::process::id()));
        let clock = Self { library, file };
        clock.move_ahead_by(Duration::ZERO);
        clock
    }

    /// What a process needs in its environment; with `is_monotonic` the clock that never goes back is moved as
    /// well.
    ///
    /// # Panics
    ///
    /// The name of the temporary directory is not UTF-8.
    #[must_use]
    pub fn variables(&self, is_monotonic: bool) -> [(&'static str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().expect("a path in UTF-8")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", if is_monotonic { "0" } else { "1" }),
        ]
    }

    /// From now on it is this far ahead of the machine's, in whole seconds.
    ///
    /// # Panics
    ///
    /// There is no temporary directory.
    pub fn move_ahead_by(&self, time: Duration) {
        // At once, so that nobody reads half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("+{}\n", time.as_secs())).expect("a temporary file");
        fs::rename(&new, &self.file).expect("a temporary file");
    }
}

impl Default for MovedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MovedClock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}
