//! Which event types a question means, and what is kept of that.

use std::sync::Arc;

use futures_util::future::{FutureExt, join_all};
use shared::{
    Error,
    calendly::{Calendly, PatScopedCache},
    quoted,
};

use crate::{
    event_type::{Choice, EventTypeRef, Listed},
    question::Question,
};

/// What an event type turned out to be: it saves the calls that find out.
pub(crate) struct Choices(pub(crate) PatScopedCache<EventTypeRef, Choice>);

/// An event type of a question.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    asked: EventTypeRef,
    pub(crate) choice: Arc<Choice>,
    /// Whether an earlier request found it.
    was_kept: bool,
}

/// An event type that could not be answered.
#[derive(Debug)]
pub(crate) struct Failed {
    asked: EventTypeRef,
    error: Error,
}

impl Failed {
    /// The error, which says which event type it is about where several were asked for.
    pub(crate) fn about(self, question: &Question) -> Error {
        // A slug that is not there is named already.
        if question.event_types.len() == 1 || matches!(self.error, Error::NoEventType { .. }) {
            return self.error;
        }
        self.error.about(format!("event_type {}", quoted(&self.asked.to_string())))
    }
}

impl Chosen {
    /// One that was named by its URI.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of(choice: Choice) -> Self {
        Self { asked: EventTypeRef::Uri(choice.uri.clone()), choice: choice.into(), was_kept: false }
    }

    /// What went wrong with it.
    pub(crate) fn failed(&self, error: Error) -> Failed {
        Failed { asked: self.asked.clone(), error }
    }
}

impl Choices {
    /// Those of a question, one for each that is asked. The list is read once for all that are not kept.
    pub(crate) async fn of(
        &self,
        question: &Question,
        calendly: &Calendly<'_>,
    ) -> Result<Vec<Chosen>, Failed> {
        let is_kept = |asked: &EventTypeRef| self.0.is_kept(calendly.cache_scope(), asked);
        let unknown: Vec<&EventTypeRef> =
            question.event_types.iter().filter(|asked| !is_kept(asked)).collect();
        let listed: Vec<&Listed> = unknown.iter().filter_map(|asked| asked.listed()).collect();
        let found = async { Listed::look_up(&listed, calendly).await.map(Arc::new) }.boxed().shared();
        let choose = async |asked: &EventTypeRef| {
            let (choice, was_kept) = match asked {
                EventTypeRef::Uri(uri) => Ok((Arc::new(Choice::of_uri(uri.clone())), false)),
                EventTypeRef::Listed(this) => {
                    let learn = async {
                        if !listed.contains(&this) {
                            return look_up(this, calendly).await;
                        }
                        let found = found.clone().await?;
                        let mut pairs = listed.iter().zip(found.iter());
                        let pair = pairs.find(|(other, _)| **other == this);
                        pair.and_then(|(_, choice)| choice.clone()).ok_or_else(|| this.not_found())
                    };
                    self.0.get(calendly.cache_scope(), asked, learn).await
                }
            }
            .map_err(|error| Failed { asked: asked.clone(), error })?;
            Ok(Chosen { asked: asked.clone(), choice, was_kept })
        };
        join_all(question.event_types.iter().map(choose)).await.into_iter().collect()
    }

    /// Chooses the one that failed afresh, if it was kept and Calendly no longer knows it.
    pub(crate) async fn afresh(
        &self,
        chosen: &mut [Chosen],
        failed: Failed,
        calendly: &Calendly<'_>,
    ) -> Result<(), Failed> {
        let stale = chosen.iter_mut().find(|chosen| chosen.was_kept && chosen.asked == failed.asked);
        let (Some(stale), EventTypeRef::Listed(listed), true) =
            (stale, &failed.asked, failed.error.is_calendly_not_found())
        else {
            return Err(failed);
        };
        let learn = look_up(listed, calendly);
        let learnt = self.0.relearn(calendly.cache_scope(), &failed.asked, &stale.choice, learn).await;
        stale.choice = learnt.map_err(|error| Failed { asked: failed.asked.clone(), error })?;
        stale.was_kept = false;
        Ok(())
    }

    /// The same event type with its lengths, which are asked for if they are not known.
    pub(crate) async fn with_lengths(
        &self,
        choice: &Arc<Choice>,
        calendly: &Calendly<'_>,
    ) -> Result<Arc<Choice>, Error> {
        if choice.has_lengths() {
            return Ok(choice.clone());
        }
        let named = EventTypeRef::Uri(choice.uri.clone());
        let learn = Choice::of_calendly(choice.uri.clone(), calendly);
        Ok(self.0.get(calendly.cache_scope(), &named, learn).await?.0)
    }
}

async fn look_up(listed: &Listed, calendly: &Calendly<'_>) -> Result<Choice, Error> {
    let found = Listed::look_up(&[listed], calendly).await?;
    found.into_iter().flatten().next().ok_or_else(|| listed.not_found())
}

/// The event types that were chosen, each once: in the place of the first that means it, and with lengths if those of
/// any are known.
pub(crate) fn distinct(chosen: &[Chosen]) -> Vec<Chosen> {
    let mut distinct: Vec<Chosen> = Vec::with_capacity(chosen.len());
    for one in chosen {
        match distinct.iter_mut().find(|other| other.choice.uri == one.choice.uri) {
            Some(first) if !first.choice.has_lengths() => first.choice = one.choice.clone(),
            Some(_) => {}
            None => distinct.push(one.clone()),
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use shared::calendly::EventTypeUri;

    use super::*;

    #[test]
    fn an_error_says_which_of_several_event_types_it_is_about() {
        let error_about = |query: &str, error: Error| {
            let query = format!("at=2026-12-01T10:00:00Z&{query}").parse().unwrap();
            let now = "2026-11-01T00:00:00Z".parse().unwrap();
            let question = Question::parse(&query, now).unwrap();
            let asked = question.event_types[0].clone();
            Failed { asked, error }.about(&question)
        };
        let is_about =
            |error: &Error| matches!(error, Error::About { subject, .. } if subject.contains("demo"));
        let any = || Error::AnswerTooLarge { reason: "r" };
        let named = || Error::NoEventType { detail: "no demo".to_owned(), reason: "r" };
        assert!(is_about(&error_about("event_type=demo&event_type=other", any())));
        for (query, error) in [
            ("event_type=demo", any()),
            ("event_type=demo", named()),
            ("event_type=demo&event_type=other", named()),
        ] {
            assert!(!is_about(&error_about(query, error)), "{query}");
        }
    }

    #[test]
    fn the_same_event_type_counts_once_with_what_is_known_of_it() {
        let chosen = |asked: &str, id: &str, minutes: Option<i64>| Chosen {
            asked: EventTypeRef::parse(Some(asked)).unwrap(),
            choice: Arc::new(Choice {
                uri: EventTypeUri::from_id(id).unwrap(),
                duration: minutes.map(TimeDelta::minutes),
                duration_options: Vec::new(),
            }),
            was_kept: false,
        };
        let uri = "https://api.calendly.com/event_types/A";
        let all = [
            chosen(uri, "A", None),
            chosen("b", "B", None),
            chosen("a", "A", Some(30)),
            chosen("c", "A", Some(60)),
        ];
        let distinct = distinct(&all);
        let seen: Vec<_> = distinct
            .iter()
            .map(|chosen| (chosen.asked.to_string(), chosen.choice.duration.map(|it| it.num_minutes())))
            .collect();
        assert_eq!(seen, [(uri.to_owned(), Some(30)), ("b".to_owned(), None)]);
    }
}
