//! Waiting for a condition.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

/// Time limit of operations that take milliseconds on an idle machine.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Held by tests that use the whole machine, which run one at a time.
pub static WHOLE_MACHINE: Mutex<()> = Mutex::const_new(());

/// Polls `find` until it returns a value; panics with `what` after [`TIMEOUT`].
pub async fn wait_until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "timed out waiting for {what}");
        sleep(Duration::from_millis(3)).await;
    }
}
