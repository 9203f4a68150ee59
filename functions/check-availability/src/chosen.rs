//! Which event types a question means, and what is kept of that.

use std::sync::Arc;

use futures_util::future::{FutureExt, join_all};
use shared::{
    Error,
    calendly::{Calendly, Learnt},
    quoted,
};

use crate::{
    event_type::{Choice, EventTypeRef, Listed},
    question::Question,
};

/// Which event type a default or a slug meant: it saves the calls that find out.
pub(crate) struct Choices(pub(crate) Learnt<Listed, Choice>);

/// An event type of a question.
#[derive(Debug)]
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
    #[cfg(test)]
    pub(crate) fn of(choice: Choice) -> Self {
        Self { asked: EventTypeRef::Uri(choice.uri.clone()), choice: choice.into(), was_kept: false }
    }

    /// What went wrong with it.
    pub(crate) fn failed(&self, error: Error) -> Failed {
        Failed { asked: self.asked.clone(), error }
    }
}

impl Choices {
    /// Those of a question, none twice. The list is read once for all that are not kept.
    pub(crate) async fn of(
        &self,
        question: &Question,
        calendly: &Calendly<'_>,
    ) -> Result<Vec<Chosen>, Failed> {
        let all: Vec<&Listed> = question.event_types.iter().filter_map(EventTypeRef::listed).collect();
        let found = async { Listed::look_up(&all, calendly).await.map(Arc::new) }.boxed().shared();
        let choose = async |asked: &EventTypeRef| {
            let (choice, was_kept) = match asked {
                EventTypeRef::Uri(uri) => Ok((Arc::new(Choice::of_uri(uri.clone())), false)),
                EventTypeRef::Listed(listed) => {
                    let learn = || async {
                        let found = found.clone().await?;
                        let mut pairs = all.iter().zip(found.iter());
                        let pair = pairs.find(|(other, _)| **other == listed);
                        pair.and_then(|(_, choice)| choice.clone()).ok_or_else(|| listed.not_found())
                    };
                    self.0.get(calendly.learner(), listed, learn).await
                }
            }
            .map_err(|error| Failed { asked: asked.clone(), error })?;
            Ok(Chosen { asked: asked.clone(), choice, was_kept })
        };
        let chosen: Result<Vec<_>, _> =
            join_all(question.event_types.iter().map(choose)).await.into_iter().collect();
        let mut chosen = chosen?;
        keep_first(&mut chosen);
        Ok(chosen)
    }

    /// Chooses the one that failed afresh, if it was kept and Calendly no longer knows it.
    pub(crate) async fn afresh(
        &self,
        chosen: &mut Vec<Chosen>,
        failed: Failed,
        calendly: &Calendly<'_>,
    ) -> Result<(), Failed> {
        let stale = chosen.iter_mut().find(|chosen| chosen.was_kept && chosen.asked == failed.asked);
        let (Some(stale), EventTypeRef::Listed(listed), true) =
            (stale, &failed.asked, failed.error.is_calendly_not_found())
        else {
            return Err(failed);
        };
        let learn = || async {
            let found = Listed::look_up(&[listed], calendly).await?;
            found.into_iter().flatten().next().ok_or_else(|| listed.not_found())
        };
        let learnt = self.0.relearn(calendly.learner(), listed, &stale.choice, learn).await;
        stale.choice = learnt.map_err(|error| Failed { asked: failed.asked.clone(), error })?;
        stale.was_kept = false;
        keep_first(chosen);
        Ok(())
    }
}

/// Of those that turned out to be the same event type the first.
fn keep_first(chosen: &mut Vec<Chosen>) {
    let mut seen = Vec::with_capacity(chosen.len());
    chosen.retain(|chosen| {
        let is_new = !seen.contains(&chosen.choice.uri);
        seen.push(chosen.choice.uri.clone());
        is_new
    });
}
