//! Which event type a default or a slug meant, kept for a short while: it saves the calls that find out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::event_type::{Choice, Wanted};

/// How many choices are kept.
const MOST_KEPT: usize = 1_000;

/// Choices by PAT: what was learnt with one is never used with another.
pub(crate) struct KeptChoices {
    max_age: Duration,
    kept: Mutex<HashMap<(u64, Wanted), (Instant, Choice)>>,
}

impl KeptChoices {
    /// Keeps each choice for `max_age`; zero keeps none.
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age, kept: Mutex::default() }
    }

    pub(crate) fn get(&self, pat_id: u64, wanted: &Wanted) -> Option<Choice> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, choice) = kept.get(&(pat_id, wanted.clone()))?;
        (since.elapsed() < self.max_age).then(|| choice.clone())
    }

    pub(crate) fn keep(&self, pat_id: u64, wanted: &Wanted, choice: &Choice) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, (since, _)| since.elapsed() < self.max_age);
        }
        if kept.len() >= MOST_KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone())
        {
            kept.remove(&oldest);
        }
        kept.insert((pat_id, wanted.clone()), (Instant::now(), choice.clone()));
    }
}

#[cfg(test)]
mod tests {
    use shared::calendly::EventTypeUri;

    use super::*;

    fn choice(id: &str) -> Choice {
        Choice::of_uri(EventTypeUri::from_id(id).unwrap())
    }

    #[test]
    fn a_choice_is_kept_for_its_pat_and_its_question() {
        let kept = KeptChoices::new(Duration::from_secs(60));
        kept.keep(1, &Wanted::First, &choice("a"));
        assert_eq!(kept.get(1, &Wanted::First), Some(choice("a")));
        assert_eq!(kept.get(2, &Wanted::First), None);
        assert_eq!(kept.get(1, &Wanted::Slug("a".to_owned())), None);
    }

    #[test]
    fn zero_keeps_none() {
        let kept = KeptChoices::new(Duration::ZERO);
        kept.keep(1, &Wanted::First, &choice("a"));
        assert_eq!(kept.get(1, &Wanted::First), None);
    }

    #[test]
    fn the_oldest_goes_first() {
        let kept = KeptChoices::new(Duration::from_secs(60));
        for pat_id in 0..=MOST_KEPT as u64 {
            kept.keep(pat_id, &Wanted::First, &choice("a"));
        }
        assert_eq!(kept.kept.lock().unwrap().len(), MOST_KEPT);
        assert_eq!(kept.get(0, &Wanted::First), None);
        assert!(kept.get(1, &Wanted::First).is_some());
    }
}
