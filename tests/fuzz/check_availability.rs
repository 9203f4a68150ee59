//! The modules of check-availability, which is a program, and so nothing that another one could depend on.
#![expect(dead_code, reason = "the program has what uses the rest")]

#[path = "../../functions/check-availability/src/aligned.rs"]
mod aligned;
#[path = "../../functions/check-availability/src/answer.rs"]
mod answer;
#[path = "../../functions/check-availability/src/ask.rs"]
mod ask;
#[path = "../../functions/check-availability/src/at.rs"]
mod at;
#[path = "../../functions/check-availability/src/chosen.rs"]
mod chosen;
#[path = "../../functions/check-availability/src/entries.rs"]
mod entries;
#[path = "../../functions/check-availability/src/event_type.rs"]
mod event_type;
#[path = "../../functions/check-availability/src/moment.rs"]
mod moment;
#[path = "../../functions/check-availability/src/open_times.rs"]
mod open_times;
#[path = "../../functions/check-availability/src/question.rs"]
mod question;
#[path = "../../functions/check-availability/src/range.rs"]
mod range;
#[path = "../../functions/check-availability/src/zone.rs"]
mod zone;
#[path = "../../functions/check-availability/src/fuzzed.rs"]
mod fuzzed;

/// What is fed.
pub mod fed {
    /// A query string.
    pub fn question(bytes: &[u8]) {
        crate::fuzzed::question(bytes);
    }

    /// Slots of answers of Calendly's.
    pub fn answer(bytes: &[u8]) {
        crate::fuzzed::answer(bytes);
    }
}
