//! Reading Calendly's answers.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
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
    serde_json::from_str(json).map_err(|error| not_documented(what, &error))
}

fn not_documented(what: &str, error: &serde_json::Error) -> Error {
    Error::CalendlyInvalidResponse(format!(
        "{what} is not what Calendly documents (line {}, column {})",
        error.line(),
        error.column()
    ))
}

/// Reads an answer that lists objects, which is `what` of Calendly's, and shows `each` of the objects: one after the
/// other, so that memory is bounded however many there are. What it returns is the answer's `pagination`.
///
/// # Errors
///
/// As [`parse`], and what `each` returns.
pub(super) fn for_each<'a>(
    json: &'a str,
    what: &str,
    each: impl FnMut(&'a RawValue) -> Result<(), Error>,
) -> Result<Option<&'a RawValue>, Error> {
    let mut list = List { each, refused: None };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(AnswerVisitor(&mut list)).and_then(|pagination| {
        deserializer.end()?;
        Ok(pagination)
    });
    match (read, list.refused) {
        (Ok(pagination), _) => Ok(pagination),
        (Err(_), Some(error)) => Err(error),
        (Err(error), None) => Err(not_documented(what, &error)),
    }
}

/// What is done with each object of a list, and what came of it.
struct List<F> {
    each: F,
    refused: Option<Error>,
}

struct AnswerVisitor<'l, F>(&'l mut List<F>);

struct ListVisitor<'l, F>(&'l mut List<F>);

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> Visitor<'de> for AnswerVisitor<'_, F> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a collection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let (mut has_collection, mut pagination) = (false, None);
        while let Some(name) = access.next_key::<String>()? {
            match name.as_str() {
                "collection" if !has_collection => {
                    access.next_value_seed(ListVisitor(&mut *self.0))?;
                    has_collection = true;
                }
                "pagination" if pagination.is_none() => pagination = Some(access.next_value()?),
                "collection" | "pagination" => return Err(A::Error::custom("a member twice")),
                _ => drop(access.next_value::<IgnoredAny>()?),
            }
        }
        if has_collection { Ok(pagination) } else { Err(A::Error::missing_field("collection")) }
    }
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> DeserializeSeed<'de> for ListVisitor<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> Visitor<'de> for ListVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some(object) = access.next_element()? {
            if let Err(error) = (self.0.each)(object) {
                self.0.refused = Some(error);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}
