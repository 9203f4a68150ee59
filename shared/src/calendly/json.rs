//! Parsing Calendly's responses.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::Error;

/// The response to a call for one resource.
#[derive(Deserialize)]
struct ResourceResponse<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
}

/// Parses a response with one resource. `what` names it in errors.
pub(super) fn parse_resource<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<T, Error> {
    let ResourceResponse { resource } = parse(json, what)?;
    parse(resource.get(), what)
}

/// Parses a JSON object. `what` names it in errors. serde alone would also accept an array of the members' values.
///
/// # Errors
///
/// [`Error::CalendlyInvalidResponse`] with the position of the fault, and without the text, which may be private.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<T, Error> {
    if !json.trim_start().starts_with('{') {
        return Err(Error::CalendlyInvalidResponse(format!("{what} is not an object")));
    }
    serde_json::from_str(json).map_err(|error| not_documented(what, &error))
}

fn not_documented(what: &str, error: &serde_json::Error) -> Error {
    Error::CalendlyInvalidResponse(format!(
        "{what} does not match Calendly's documentation (line {}, column {})",
        error.line(),
        error.column()
    ))
}

/// Parses a response with a `collection`, and calls `each` with one object at a time, so that memory is bounded
/// regardless of their number. Returns the response's `pagination`. `what` names the response in errors.
pub(super) fn for_each<'a>(
    json: &'a str,
    what: &str,
    each: impl FnMut(&'a RawValue) -> Result<(), Error>,
) -> Result<Option<&'a RawValue>, Error> {
    let mut visitor = ListVisitor { each, error: None };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(&mut visitor).and_then(|pagination| {
        deserializer.end()?;
        Ok(pagination)
    });
    match (read, visitor.error) {
        (Ok(pagination), _) => Ok(pagination),
        (Err(_), Some(error)) => Err(error),
        (Err(error), None) => Err(not_documented(what, &error)),
    }
}

/// Visits a response and, inside it, the collection.
struct ListVisitor<F> {
    each: F,
    /// The error that `each` returned.
    error: Option<Error>,
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> Visitor<'de> for &mut ListVisitor<F> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with an array as its collection")
    }

    /// Visits the response. Returns its `pagination`.
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let (mut has_collection, mut pagination) = (false, None);
        while let Some(name) = access.next_key::<String>()? {
            match name.as_str() {
                "collection" if !has_collection => {
                    access.next_value_seed(&mut *self)?;
                    has_collection = true;
                }
                "pagination" if pagination.is_none() => pagination = Some(access.next_value()?),
                "collection" | "pagination" => return Err(A::Error::custom("duplicate member")),
                _ => drop(access.next_value::<IgnoredAny>()?),
            }
        }
        if has_collection { Ok(pagination) } else { Err(A::Error::missing_field("collection")) }
    }

    /// Visits the collection.
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while let Some(object) = access.next_element()? {
            if let Err(error) = (self.each)(object) {
                self.error = Some(error);
                return Err(A::Error::custom("rejected by the callback"));
            }
        }
        Ok(None)
    }
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> DeserializeSeed<'de> for &mut ListVisitor<F> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}
