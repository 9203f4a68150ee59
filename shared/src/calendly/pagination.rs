//! Pages of the list of event types.

use std::ops::ControlFlow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::json::{for_each, parse};
use crate::Error;

/// Reads the event types of a list, in Calendly's order.
pub trait EventTypeVisitor: Send {
    /// Forgets all event types: the list starts over from its first page.
    fn restart(&mut self);

    /// Reads one event type. `Break` ends the list.
    ///
    /// # Errors
    ///
    /// Any error ends the list.
    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error>;
}

/// The error for an event type that does not match Calendly's documentation.
#[must_use]
pub fn undocumented_event_type() -> Error {
    Error::CalendlyInvalidResponse("an event type does not match Calendly's documentation".to_owned())
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
    next_page: Option<IgnoredAny>,
    next_page_token: Option<String>,
}

/// Parses a page, and passes its event types to `visitor` until it breaks. Calls `check` for each event type.
///
/// # Errors
///
/// [`Error::CalendlyInvalidResponse`], also if an event type after the break is not an object; and the errors of the
/// visitor and of `check`.
pub(crate) fn read_page(
    page: &str,
    visitor: &mut dyn EventTypeVisitor,
    mut check: impl FnMut() -> Result<(), Error>,
) -> Result<AfterPage, Error> {
    let mut is_over = false;
    let pagination = for_each(page, "event_types", |event_type| {
        check()?;
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
    let Pagination { next_page, next_page_token } = parse(pagination.get(), "the pagination of event_types")?;
    match (next_page_token, next_page) {
        _ if is_over => Ok(AfterPage::End),
        (Some(page_token), _) => Ok(AfterPage::Next { page_token }),
        (None, None) => Ok(AfterPage::End),
        // There is another page, but only tokens are followed, not URLs.
        (None, Some(_)) => Err(Error::CalendlyInvalidResponse(
            "the pagination of event_types has a next_page without a next_page_token".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct First;

    impl EventTypeVisitor for First {
        fn restart(&mut self) {}

        fn visit(&mut self, _: &RawValue) -> Result<ControlFlow<()>, Error> {
            Ok(ControlFlow::Break(()))
        }
    }

    #[test]
    fn the_next_page_is_named_by_its_token() {
        let next = |token: &str| Ok(AfterPage::Next { page_token: token.to_owned() });
        for (collection, pagination, expected) in [
            ("", r#"{"next_page_token":"a"}"#, next("a")),
            ("", r#"{"next_page":"https://x","next_page_token":"a"}"#, next("a")),
            ("", r#"{"next_page_token":null,"next_page":null}"#, Ok(AfterPage::End)),
            ("", "{}", Ok(AfterPage::End)),
            ("", r#"{"next_page":"https://x"}"#, Err("calendly_invalid_response")),
            ("", r#"{"next_page":"https://x","next_page_token":null}"#, Err("calendly_invalid_response")),
            ("{}", r#"{"next_page":"https://x"}"#, Ok(AfterPage::End)),
        ] {
            let page = format!(r#"{{"collection":[{collection}],"pagination":{pagination}}}"#);
            assert_eq!(
                read_page(&page, &mut First, || Ok(())).map_err(|error| error.code()),
                expected,
                "{page}"
            );
        }
    }
}
