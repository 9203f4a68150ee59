//! The query parameters of a request, percent-decoded.

use std::{convert::Infallible, str::FromStr};

use lambda_http::{Request, RequestExt, aws_lambda_events::query_map::QueryMap};

use crate::Error;

/// The query parameters of a request.
#[derive(Debug, Clone)]
pub struct Query(QueryMap);

impl FromStr for Query {
    type Err = Infallible;

    /// Parses a query string (`application/x-www-form-urlencoded`).
    fn from_str(query: &str) -> Result<Self, Infallible> {
        query.parse().map(Self)
    }
}

impl Query {
    /// The query parameters of a request.
    pub(crate) fn from_request(request: &Request) -> Self {
        Self(request.query_string_parameters())
    }

    /// All values of a parameter that may be repeated, in order.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a value is empty.
    pub fn all(&self, parameter: &'static str) -> Result<Vec<&str>, Error> {
        let values = self.0.all(parameter).unwrap_or_default();
        if values.contains(&"") {
            return Err(Error::invalid_parameter(
                parameter,
                format!("{parameter} is empty: give it a value, or leave it out."),
            ));
        }
        Ok(values)
    }

    /// The value of an optional parameter.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is repeated or empty.
    pub fn get(&self, parameter: &'static str) -> Result<Option<&str>, Error> {
        match self.all(parameter)?.as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(Error::invalid_parameter(
                parameter,
                format!("{parameter} is given more than once: send it once."),
            )),
        }
    }

    /// The value of a required parameter. `example` appears in the error if it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is missing, repeated or empty.
    pub fn require(&self, parameter: &'static str, example: &str) -> Result<&str, Error> {
        self.get(parameter)?.ok_or_else(|| {
            Error::invalid_parameter(
                parameter,
                format!("{parameter} is missing: send it, for example {parameter}={example}."),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        text.parse().unwrap()
    }

    #[test]
    fn parameters_are_decoded_once() {
        let query = query("start_time=2026-12-01T10%3A00%3A00%2B01:00&slug=a+b&note=%25");
        assert_eq!(query.get("start_time").unwrap(), Some("2026-12-01T10:00:00+01:00"));
        assert_eq!(query.get("slug").unwrap(), Some("a b"));
        assert_eq!(query.get("note").unwrap(), Some("%"));
        assert_eq!(query.get("absent").unwrap(), None);
    }

    #[test]
    fn repeated_empty_and_missing_parameters_are_refused() {
        let query = query("active=true&active=true&timezone=&event_type=b&event_type=a");
        assert_eq!(query.all("event_type").unwrap(), ["b", "a"]);
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
}
