//! The name of the secret that holds a caller's PAT: `CALENDLY_PAT_SECRET_ID`, with placeholders such as `{sub}`
//! for claims of the caller's token.

use crate::Error;

/// The longest name of a secret in Secrets Manager.
const MAX_NAME_BYTES: usize = 512;

/// The name or ARN of a secret, possibly with placeholders for claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretNameTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Claim(String),
}

impl SecretNameTemplate {
    /// Parses a name such as `calendly/pat` or `calendly/pat/{sub}`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or("a { has no }")?;
            if claim.is_empty() || claim.contains('{') {
                return Err("braces must enclose the name of one claim, as in {sub}".to_owned());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Claim(claim.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('}'))) {
            return Err("a } has no {".to_owned());
        }
        for part in &parts {
            if let Part::Text(text) = part {
                check_characters(text)?;
            }
        }
        if !are_claims_separated(&parts) {
            return Err(
                "two claims need a / between them: otherwise two callers could share a name".to_owned()
            );
        }
        Ok(Self(parts))
    }

    /// The name without placeholders, which all callers share; `None` if there are placeholders.
    pub(crate) fn shared(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Fills in the placeholders. `claim` looks up the caller's string claims by name.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if a claim is absent, is not a string, or has a character that could select another
    /// caller's secret.
    pub(crate) fn fill<'a>(&self, claim: impl Fn(&str) -> Option<&'a str>) -> Result<String, Error> {
        let mut secret_id = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => secret_id.push_str(text),
                Part::Claim(name) => match claim(name) {
                    None | Some("") => {
                        return Err(Error::PatMissing(
                            "The token lacks the claim that names this caller's Calendly token.",
                        ));
                    }
                    Some(value) if value.bytes().all(is_allowed) => secret_id.push_str(value),
                    Some(_) => {
                        return Err(Error::PatMissing(
                            "The claim that names this caller's Calendly token has a character that is not allowed there.",
                        ));
                    }
                },
            }
        }
        if secret_id.len() > MAX_NAME_BYTES {
            return Err(Error::PatMissing("The claim that names this caller's Calendly token is too long."));
        }
        Ok(secret_id)
    }
}

/// Validates the name or ARN of a secret.
///
/// # Errors
///
/// A phrase that follows the value.
pub(crate) fn secret_id(text: &str) -> Result<String, String> {
    check_characters(text).map(|()| text.to_owned())
}

fn check_characters(text: &str) -> Result<(), String> {
    if text.bytes().all(|byte| is_allowed(byte) || b"/:".contains(&byte)) {
        Ok(())
    } else {
        Err("not the name or ARN of a secret: letters, digits, /, _, +, =, ., @, : and -".to_owned())
    }
}

/// Whether each pair of claims has a slash between them. Values cannot contain one, so that different values then
/// yield different names: `{tenant}-{sub}` would be `a-b-c` for both (`a`, `b-c`) and (`a-b`, `c`).
fn are_claims_separated(parts: &[Part]) -> bool {
    // Parts alternate: text, claim, text, …, claim, text.
    let [_, between @ .., _] = parts else { return true };
    between.iter().all(|part| match part {
        Part::Text(text) => text.contains('/'),
        Part::Claim(_) => true,
    })
}

/// Characters of a secret's name, without the slash, which would let a claim select a secret under another prefix.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=.@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_id(template: &str, claims: &str) -> Result<String, &'static str> {
        let claims: serde_json::Value = serde_json::from_str(claims).unwrap();
        let template = SecretNameTemplate::parse(template).unwrap();
        template.fill(|name| claims.get(name)?.as_str()).map_err(|error| error.code())
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(secret_id("calendly/pat", "{}"), Ok("calendly/pat".to_owned()));
        assert_eq!(
            secret_id("calendly/{tenant}/{sub}-pat", r#"{"sub":"a@b","tenant":"T1"}"#),
            Ok("calendly/T1/a@b-pat".to_owned())
        );
        assert_eq!(SecretNameTemplate::parse("calendly/pat").unwrap().shared(), Some("calendly/pat"));
        assert_eq!(SecretNameTemplate::parse("{sub}").unwrap().shared(), None);
    }

    #[test]
    fn claims_with_path_characters_are_rejected() {
        for sub in ["../x", "a/b", "a b", "a*", "a{b}", "é", "auth0|1", "a\\u0000", "a\\n", ""] {
            assert_eq!(secret_id("p/{sub}", &format!(r#"{{"sub":"{sub}"}}"#)), Err("pat_missing"), "{sub}");
        }
        assert_eq!(secret_id("p/{sub}", "{}"), Err("pat_missing"));
        assert_eq!(secret_id("p/{sub}", r#"{"sub":7}"#), Err("pat_missing"));
        let with_length =
            |length: usize| secret_id("p/{sub}", &format!(r#"{{"sub":"{}"}}"#, "a".repeat(length)));
        assert_eq!(with_length(510).map(|name| name.len()), Ok(512));
        assert_eq!(with_length(511), Err("pat_missing"));
    }

    #[test]
    fn claims_are_separated_by_a_slash() {
        for (template, is_good) in [
            ("{sub}", true),
            ("a{sub}b", true),
            ("{tenant}/{sub}", true),
            ("calendly/{tenant}-pat/for-{sub}", true),
            ("{a}/{b}/{c}", true),
            ("{a}//{b}", true),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{tenant}/{sub}", true),
            ("{tenant}{sub}", false),
            ("{tenant}-{sub}", false),
            ("/{tenant}-{sub}/", false),
            ("{tenant}:{sub}", false),
            ("{sub}{sub}", false),
            ("{a}/{b}-{c}", false),
            ("{a}-{b}/{c}", false),
            ("{a}{b}{c}", false),
        ] {
            let parsed = SecretNameTemplate::parse(template);
            assert_eq!(parsed.is_ok(), is_good, "{template}");
            if let Err(reason) = parsed {
                assert!(reason.contains("a / between them"), "{template}: {reason}");
            }
        }
    }

    #[test]
    fn malformed_placeholders_are_refused() {
        for bad in ["{", "}", "a{b", "a}b", "{}", "{a{b}}", "{a}}"] {
            assert!(SecretNameTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
