//! A page of the list of event types.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::parse;
use crate::Error;

/// One page, as `GET /event_types` answers it.
pub(super) struct Page<'a> {
    pub(super) event_types: Vec<&'a RawValue>,
    /// `None` on the last page.
    pub(super) next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    collection: Vec<&'a RawValue>,
    #[serde(borrow)]
    pagination: &'a RawValue,
}

#[derive(Deserialize)]
struct Pagination {
    next_page_token: Option<String>,
}

impl<'a> Page<'a> {
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`], also for an event type that is not an object.
    pub(super) fn parse(json: &'a str) -> Result<Self, Error> {
        let Answer { collection, pagination } = parse(json, "event_types")?;
        if !collection.iter().all(|event_type| event_type.get().starts_with('{')) {
            return Err(Error::CalendlyInvalidResponse("an event type is not an object".to_owned()));
        }
        let Pagination { next_page_token } = parse(pagination.get(), "the pagination of event_types")?;
        Ok(Self { event_types: collection, next_page_token })
    }
}
