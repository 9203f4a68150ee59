//! Reading Calendly's answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Error;

/// The answer to a call for one resource.
#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
}

/// Reads the one resource in an answer, which is `what` of Calendly's.
///
/// # Errors
///
/// As [`parse`].
pub(super) fn parse_resource<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<T, Error> {
    let Resource { resource } = parse(json, what)?;
    parse(resource.get(), what)
}

/// Reads `json`, which is `what` of Calendly's: an object, and not an array in its members' order, which serde
/// would take for one.
///
/// # Errors
///
/// [`Error::CalendlyInvalidResponse`] that says where it goes wrong, and not what stands there: the answer is not
/// ours to show.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<T, Error> {
    if !json.trim_start().starts_with('{') {
        return Err(Error::CalendlyInvalidResponse(format!("{what} is not an object")));
    }
    serde_json::from_str(json).map_err(|error| {
        Error::CalendlyInvalidResponse(format!(
            "{what} is not what Calendly documents (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}
