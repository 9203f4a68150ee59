//! Pages of the list of event types.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{for_each, parse};
use crate::Error;

/// Reads the event types of a list, in Calendly's order.
pub trait EventTypeVisitor: Send {
    /// Reads one event type. `Break` ends the list.
    ///
    /// # Errors
    ///
    /// Any; it ends the list.
    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error>;
}

/// What follows a page of `GET /event_types`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AfterPage {
    /// Nothing: it was the last page, or the visitor needs no more.
    End,
    /// The page with this `page_token`.
    Next { page_token: String },
}

#[derive(Deserialize)]
struct Pagination {
    next_page_token: Option<String>,
}

/// Parses a page, and shows `visitor` its event types until it breaks.
///
/// # Errors
///
/// [`Error::CalendlyInvalidResponse`], also if an event type after the break is not an object; and the visitor's errors.
pub(crate) fn read_page(page: &str, visitor: &mut impl EventTypeVisitor) -> Result<AfterPage, Error> {
    let mut is_over = false;
    let pagination = for_each(page, "event_types", |event_type| {
        if !event_type.get().starts_with('{') {
            return Err(Error::CalendlyInvalidResponse("an event type is not an object".to_owned()));
        }
        if !is_over {
            is_over = visitor.visit(event_type)?.is_break();
        }
        Ok(())
    })?;
    let pagination = pagination.ok_or_else(|| {
        Error::CalendlyInvalidResponse("the response of event_types has no pagination".to_owned())
    })?;
    let Pagination { next_page_token } = parse(pagination.get(), "the pagination of event_types")?;
    Ok(match next_page_token {
        Some(page_token) if !is_over => AfterPage::Next { page_token },
        _ => AfterPage::End,
    })
}
