//! The query parameters of a request, percent-decoded.

use std::{collections::HashMap, convert::Infallible, str::FromStr};

use url::form_urlencoded;

use crate::Error;

/// The query parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(HashMap<String, Vec<String>>);

impl FromStr for Query {
    type Err = Infallible;

    /// Parses a query string (`application/x-www-form-urlencoded`).
    fn from_str(query: &str) -> Result<Self, Infallible> {
        Ok(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }
}

impl FromIterator<(String, String)> for Query {
    /// Collects decoded parameters. The values of each keep their order.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(parameters: I) -> Self {
        let mut map: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in parameters {
            map.entry(name).or_default().push(value);
        }
        Self(map)
    }
}

impl Query {
    /// Refuses misspellings of `known` names: different letter case, `_` or `-` added or left out, trailing brackets
    /// (`event_type[]`), or `tz` for `timezone`. Ignoring such a parameter would give a wrong answer.
    ///
    /// # Errors
    ///
    /// [`Error::MisspelledParameter`].
    pub(crate) fn check_names(&self, known: &[&'static str]) -> Result<(), Error> {
        let misspelled = |name: &String| {
            let right = *known.iter().find(|right| is_misspelled(name, right))?;
            Some((name.clone(), right))
        };
        // The first by name, since a map has no order.
        match self.0.keys().filter_map(misspelled).min() {
            Some((sent_as, parameter)) => Err(Error::MisspelledParameter { parameter, sent_as }),
            None => Ok(()),
        }
    }

    /// All values of a parameter that may be repeated, in order.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a value is empty.
    pub fn all(&self, parameter: &'static str) -> Result<Vec<&str>, Error> {
        let values: Vec<&str> = self.0.get(parameter).into_iter().flatten().map(String::as_str).collect();
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

fn is_misspelled(name: &str, right: &str) -> bool {
    let letters = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let without_brackets = name.split('[').next().unwrap_or_default();
    name != right
        && (letters(without_brackets) == letters(right)
            || (right == "timezone" && letters(without_brackets) == "tz"))
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
    fn misspelled_names_are_refused() {
        const KNOWN: &[&str] = &["event_type", "start_time", "timezone"];
        for (text, sent, right) in [
            ("timeZone=UTC", "timeZone", "timezone"),
            ("tz=UTC", "tz", "timezone"),
            ("TZ=UTC", "TZ", "timezone"),
            ("time_zone=UTC", "time_zone", "timezone"),
            ("start-time=x", "start-time", "start_time"),
            ("startTime=x&start_time=x", "startTime", "start_time"),
            ("event_type%5B%5D=a&event_type%5B%5D=b", "event_type[]", "event_type"),
            ("eventType[0]=a", "eventType[0]", "event_type"),
            ("event_type[x][y]=a", "event_type[x][y]", "event_type"),
            ("event_type[=a", "event_type[", "event_type"),
            ("tz=UTC&StartTime=x", "StartTime", "start_time"),
        ] {
            let error = query(text).check_names(KNOWN).unwrap_err();
            assert_eq!((error.code(), error.parameter()), ("invalid_parameter", Some(sent)), "{text}");
            assert_eq!(error.to_string(), format!("\"{sent}\" is not a parameter: send {right} instead."));
            assert_eq!(error.reason(), format!("{right} is misspelled."));
            assert_eq!(error.logged_parameter(), Some(right));
        }
        for good in
            ["", "start_time=x&event_type=a&event_type=b", "types=x&event=y&utm_source=z&time=1", "[]=x"]
        {
            assert!(query(good).check_names(KNOWN).is_ok(), "{good}");
        }
        assert!(query("timeZone=UTC&tz=UTC").check_names(&["active"]).is_ok());
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
