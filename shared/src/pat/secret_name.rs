//! Which secret holds a caller's PAT: `CALENDLY_PAT_SECRET_ID`, in which `{claim}` stands for a claim of
//! the caller's token.

use crate::Error;

/// The longest name that Secrets Manager takes for a secret.
const LONGEST_NAME: usize = 512;

/// The name or ARN of a secret, or the pattern of one for each caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretNameTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Claim(String),
}

impl SecretNameTemplate {
    /// Parses `calendly/pat`, `calendly/pat/{sub}` and the like.
    ///
    /// # Errors
    ///
    /// What is wrong with the braces.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or("a { is not closed")?;
            if claim.is_empty() || claim.contains('{') {
                return Err("braces must hold the name of one claim, as in {sub}".to_owned());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Claim(claim.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('}'))) {
            return Err("a } is not opened".to_owned());
        }
        Ok(Self(parts))
    }

    /// The secret of every caller, where no claim decides.
    pub(crate) fn shared(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The secret of the caller whose claims `claim` looks up: text claims by name.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if a claim is absent, is not a string, or has a character that could lead to
    /// somebody else's secret.
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
        if secret_id.len() > LONGEST_NAME {
            return Err(Error::PatMissing("The claim that names this caller's Calendly token is too long."));
        }
        Ok(secret_id)
    }
}

/// What a secret's name may hold, less the slash, which would lead out of the caller's place.
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
    fn claims_are_filled_in() {
        assert_eq!(secret_id("calendly/pat", "{}"), Ok("calendly/pat".to_owned()));
        assert_eq!(
            secret_id("calendly/{tenant}/{sub}-pat", r#"{"sub":"a@b","tenant":"T1"}"#),
            Ok("calendly/T1/a@b-pat".to_owned())
        );
        assert_eq!(SecretNameTemplate::parse("calendly/pat").unwrap().shared(), Some("calendly/pat"));
        assert_eq!(SecretNameTemplate::parse("{sub}").unwrap().shared(), None);
    }

    #[test]
    fn a_claim_cannot_lead_elsewhere() {
        for sub in ["../x", "a/b", "a b", "a*", "a{b}", "é", "auth0|1", "a\\u0000", "a\\n", ""] {
            assert_eq!(secret_id("p/{sub}", &format!(r#"{{"sub":"{sub}"}}"#)), Err("pat_missing"), "{sub}");
        }
        assert_eq!(secret_id("p/{sub}", "{}"), Err("pat_missing"));
        assert_eq!(secret_id("p/{sub}", r#"{"sub":7}"#), Err("pat_missing"));
        let of_length =
            |length: usize| secret_id("p/{sub}", &format!(r#"{{"sub":"{}"}}"#, "a".repeat(length)));
        assert_eq!(of_length(510).map(|name| name.len()), Ok(512));
        assert_eq!(of_length(511), Err("pat_missing"));
    }

    #[test]
    fn braces_must_match() {
        for bad in ["{", "}", "a{b", "a}b", "{}", "{a{b}}", "{a}}"] {
            assert!(SecretNameTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
