//! Reading and validation of environment variables.
//!
//! An empty or blank variable counts as unset, because a template's optional parameter arrives that way. All
//! problems are reported together, each with the name of its variable.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

/// Looks up a variable.
type Lookup = dyn Fn(&str) -> Option<String>;

/// Reads variables and collects problems with them.
pub struct Variables {
    variable: Box<Lookup>,
    problems: Vec<String>,
}

impl Variables {
    /// Variables that `variable` looks up.
    pub(crate) fn new(variable: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { variable: Box::new(variable), problems: Vec::new() }
    }

    /// The variables of the process.
    pub(crate) fn from_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Reads a whole number of seconds from 0 to `max`. Returns `default` if the variable is not set, or if it is
    /// invalid, which fails the start of the function.
    pub fn seconds(&mut self, name: &str, default: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(name, default, 0..=max))
    }

    /// Reads a whole number within `range`. Treats an absent or invalid value as [`Self::seconds`] does.
    pub fn number<N>(&mut self, name: &str, default: N, range: RangeInclusive<N>) -> N
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        let parse = |text: &str| match text.parse::<N>() {
            Ok(value) if range.contains(&value) && !text.starts_with('+') => Ok(value),
            _ => Err(format!("not a whole number from {} to {}", range.start(), range.end())),
        };
        self.optional(name, parse).unwrap_or(default)
    }

    /// Reads `true` or `false`. Treats an absent or invalid value as [`Self::seconds`] does.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        let parse = |text: &str| text.parse().map_err(|_| "neither true nor false".to_owned());
        self.optional(name, parse).unwrap_or(default)
    }

    /// Reads an optional variable with `parse`, whose error is a phrase that follows the value.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                // The text before an @ may be a password.
                let shown = if text.contains('@') { String::new() } else { format!(" {text:?}") };
                self.refuse(format!("{name}{shown}: {reason}"));
                None
            }
        }
    }

    /// Reads an optional `https` URL that paths are appended to, without a slash at its end.
    pub fn base_url(&mut self, name: &str) -> Option<String> {
        self.optional(name, |text| {
            super::base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
        })
    }

    /// Like [`Self::optional`], for a required variable.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.text(name).is_none() {
            return self.missing(name);
        }
        self.optional(name, parse)
    }

    /// The value of a variable; `None` if it is unset, empty or blank.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// Records that a required variable is unset.
    pub(crate) fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.refuse(format!("{name} is required and is not set"));
        None
    }

    /// Records a problem.
    pub(crate) fn refuse(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Returns `read` if there were no problems.
    ///
    /// # Errors
    ///
    /// All problems in one line.
    pub(crate) fn checked<T>(self, read: Option<T>) -> Result<T, String> {
        read.filter(|_| self.problems.is_empty()).ok_or_else(|| self.problems.join("; "))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Variables").field("problems", &self.problems).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Variables {
        let value = value.to_owned();
        Variables::new(move |_| Some(value.clone()))
    }

    #[test]
    fn empty_and_blank_variables_count_as_unset() {
        for unset in ["", " ", "\t \n"] {
            assert_eq!(with(unset).text("NAME"), None, "{unset:?}");
            assert_eq!(with(unset).seconds("NAME", 7, 10), Duration::from_secs(7));
            assert!(with(unset).flag("NAME", true));
        }
        assert_eq!(with(" x ").text("NAME").as_deref(), Some(" x "));
    }

    #[test]
    fn strict_numbers_and_flags() {
        assert_eq!(with("10").seconds("NAME", 7, 10), Duration::from_secs(10));
        assert!(!with("false").flag("NAME", true));
        for (bad, expected) in
            [("11", "not a whole number from 0 to 10"), ("1m", "not a whole"), ("-1", "not"), ("+1", "not")]
        {
            let mut variables = with(bad);
            variables.seconds("NAME", 7, 10);
            let problem = variables.checked(Some(())).unwrap_err();
            assert!(problem.starts_with(&format!("NAME {bad:?}: {expected}")), "{problem}");
        }
        for bad in ["yes", "TRUE", "0"] {
            let mut variables = with(bad);
            variables.flag("NAME", true);
            assert_eq!(
                variables.checked(Some(())),
                Err(format!("NAME {bad:?}: neither true nor false")),
                "{bad}"
            );
        }
    }
}
