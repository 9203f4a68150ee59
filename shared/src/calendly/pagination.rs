//! A page of the list of event types.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{for_each, parse};
use crate::Error;

/// What a page, as `GET /event_types` answers it, came to.
pub(crate) enum Page<B> {
    /// The visit broke off.
    Over(B),
    /// There is another one.
    Next {
        /// Its `page_token`.
        token: String,
    },
    /// It was the last.
    Last,
}

#[derive(Deserialize)]
struct Pagination {
    next_page_token: Option<String>,
}

impl<B> Page<B> {
    /// Shows `visit` the event types of a page until it breaks off.
    ///
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`], also for an event type that is not an object and comes later; and what
    /// `visit` returns.
    pub(crate) fn read(
        json: &str,
        visit: &mut impl FnMut(&RawValue) -> Result<ControlFlow<B>, Error>,
    ) -> Result<Self, Error> {
        let mut over = None;
        let pagination = for_each(json, "event_types", |event_type| {
            if !event_type.get().starts_with('{') {
                return Err(Error::CalendlyInvalidResponse("an event type is not an object".to_owned()));
            }
            if over.is_none() {
                over = visit(event_type)?.break_value();
            }
            Ok(())
        })?;
        let pagination = pagination.ok_or_else(|| {
            Error::CalendlyInvalidResponse("the answer of event_types has no pagination".to_owned())
        })?;
        let Pagination { next_page_token } = parse(pagination.get(), "the pagination of event_types")?;
        Ok(match (over, next_page_token) {
            (Some(found), _) => Self::Over(found),
            (None, Some(token)) => Self::Next { token },
            (None, None) => Self::Last,
        })
    }
}
