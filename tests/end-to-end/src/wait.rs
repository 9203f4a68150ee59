//! Waiting for something to become true.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take that should take no time at all, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` finds what it looks for, and panics with `what` if it takes too long.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(3)).await;
    }
}
