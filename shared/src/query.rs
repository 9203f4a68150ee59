//! The query parameters of a request, decoded but not yet understood.

use crate::Error;

/// Query parameters in the order in which they came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// From a raw query string, percent-encoded as in a URL (`application/x-www-form-urlencoded`).
    pub(crate) fn from_raw(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// From names and values that are decoded already.
    pub(crate) fn from_decoded(parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(parameters.into_iter().collect())
    }

    /// The value of a parameter that may be left out.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is given twice or is empty.
    pub fn get(&self, parameter: &'static str) -> Result<Option<&str>, Error> {
        let mut values = self.0.iter().filter(|(name, _)| name == parameter).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Error::invalid_parameter(
                parameter,
                format!("{parameter} is given more than once: send it once."),
            )),
            (Some(""), None) => Err(Error::invalid_parameter(
                parameter,
                format!("{parameter} is empty: give it a value, or leave it out."),
            )),
            (Some(value), None) => Ok(Some(value)),
        }
    }

    /// The value of a parameter that must be there. `example` is shown to a caller who left it out.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is missing, given twice or empty.
    pub fn require(&self, parameter: &'static str, example: &str) -> Result<&str, Error> {
        self.get(parameter)?.ok_or_else(|| {
            Error::invalid_parameter(
                parameter,
                format!("{parameter} is missing: send it, for example {parameter}={example}."),
            )
        })
    }
}

/// A value of the caller's as it may stand in a `detail`: quoted, and cut where it is long.
#[must_use]
pub fn quoted(value: &str) -> String {
    const MOST: usize = 80;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}", value.get(..end).unwrap_or_default().to_owned() + "…"),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_once() {
        let query = Query::from_raw("start_time=2026-12-01T10%3A00%3A00%2B01:00&slug=a+b&note=%25");
        assert_eq!(query.get("start_time").unwrap(), Some("2026-12-01T10:00:00+01:00"));
        assert_eq!(query.get("slug").unwrap(), Some("a b"));
        assert_eq!(query.get("note").unwrap(), Some("%"));
        assert_eq!(query.get("absent").unwrap(), None);
    }

    #[test]
    fn twice_empty_and_missing_are_refused_by_name() {
        let query = Query::from_raw("active=true&active=true&timezone=");
        for (result, detail) in [
            (query.get("active"), "active is given more than once: send it once."),
            (query.get("timezone"), "timezone is empty: give it a value, or leave it out."),
            (
                query.require("end_time", "2026-12-02").map(Some),
                "end_time is missing: send it, for example end_time=2026-12-02.",
            ),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.code(), "invalid_parameter");
            assert_eq!(error.to_string(), detail);
        }
    }

    #[test]
    fn a_quoted_value_is_cut_and_escaped() {
        assert_eq!(quoted("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), 80 + 3);
    }
}
