//! Environment variables, and what is wrong with them.
//!
//! One that is empty or blank counts as unset, because a template's optional parameter arrives that way. Every
//! problem is reported at once, each naming its variable.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

/// Tells the value of a variable.
type Lookup = dyn Fn(&str) -> Option<String>;

/// Reads variables, and remembers what was wrong with them.
pub struct Variables {
    variable: Box<Lookup>,
    problems: Vec<String>,
}

impl Variables {
    /// Those that `variable` tells.
    pub(crate) fn new(variable: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { variable: Box::new(variable), problems: Vec::new() }
    }

    /// Those of the process.
    pub(crate) fn of_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// A whole number of seconds, at most `most`.
    pub fn seconds(&mut self, name: &str, default: u64, most: u64) -> Duration {
        Duration::from_secs(self.number(name, default, 0..=most))
    }

    /// A whole number.
    pub fn number<N>(&mut self, name: &str, default: N, range: RangeInclusive<N>) -> N
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        let parse = |text: &str| match text.parse::<N>() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(format!("not a whole number from {} to {}", range.start(), range.end())),
        };
        self.optional(name, parse).unwrap_or(default)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        let parse = |text: &str| text.parse().map_err(|_| "neither true nor false".to_owned());
        self.optional(name, parse).unwrap_or(default)
    }

    /// What `parse` makes of a variable that may be left out; it says what is wrong in words that follow the
    /// value.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                // What is before an @ may be a password.
                let shown = if text.contains('@') { String::new() } else { format!(" {text:?}") };
                self.refuse(format!("{name}{shown}: {reason}"));
                None
            }
        }
    }

    /// As [`Self::optional`], for one that must be there.
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

    /// The variable's value; `None` where it is unset, empty or blank.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    pub(crate) fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.refuse(format!("{name} is required and is not set"));
        None
    }

    /// Remembers a problem.
    pub(crate) fn refuse(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// What was read, if nothing was wrong.
    ///
    /// # Errors
    ///
    /// All problems, in one line.
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
    fn empty_and_blank_count_as_unset() {
        for unset in ["", " ", "\t \n"] {
            assert_eq!(with(unset).text("NAME"), None, "{unset:?}");
            assert_eq!(with(unset).seconds("NAME", 7, 10), Duration::from_secs(7));
            assert!(with(unset).flag("NAME", true));
        }
        assert_eq!(with(" x ").text("NAME").as_deref(), Some(" x "));
    }

    #[test]
    fn numbers_and_flags_are_read_strictly() {
        assert_eq!(with("10").seconds("NAME", 7, 10), Duration::from_secs(10));
        assert!(!with("false").flag("NAME", true));
        for (bad, expected) in
            [("11", "not a whole number from 0 to 10"), ("1m", "not a whole"), ("-1", "not")]
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
