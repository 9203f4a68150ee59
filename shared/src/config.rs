//! Configuration: environment variables, read once at start.
//!
//! An empty variable counts as unset, because a template's optional parameter arrives that way. Every
//! problem is reported at once, each naming its variable.

use std::time::Duration;

use url::{Host, Url};

use crate::pat::SecretIdTemplate;

/// What the functions are configured with.
#[derive(Debug)]
pub(crate) struct Config {
    /// `CALENDLY_PAT_SECRET_ID`.
    pub(crate) pat_secret_id: SecretIdTemplate,
    /// `PAT_CACHE_SECONDS`.
    pub(crate) pat_cache: Duration,
    /// `EVENT_TYPE_CACHE_SECONDS`; zero keeps nothing.
    pub(crate) event_type_cache: Duration,
    /// `CALENDLY_BASE_URL`, without a slash at its end.
    pub(crate) calendly_base_url: String,
    /// `CALENDLY_TIMEOUT_MS`.
    pub(crate) calendly_timeout: Duration,
    /// `CALENDLY_MAX_RETRIES`.
    pub(crate) calendly_max_retries: u32,
    /// `JWT_ISSUER` and `JWT_JWKS_URL`, or `JWT_SECRET_ID`.
    pub(crate) issuer: Issuer,
    /// `JWT_AUDIENCE`: at least one.
    pub(crate) audiences: Vec<String>,
    /// `JWT_REQUIRED_SCOPE`.
    pub(crate) required_scope: Option<String>,
    /// What the AWS SDK needs.
    pub(crate) aws: AwsConfig,
}

/// Where the keys that verify tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// The issuer publishes them as a JWK Set (RFC 7517).
    Published {
        /// The expected `iss`, to the letter.
        issuer: String,
        /// Where the set is; else OpenID Connect Discovery tells.
        jwks_url: Option<Url>,
    },
    /// A secret in Secrets Manager that the issuer knows too.
    SharedSecret {
        /// Its name or ARN.
        secret_id: String,
    },
}

/// The environment that AWS defines and Lambda sets.
#[derive(Debug)]
pub(crate) struct AwsConfig {
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    pub(crate) region: String,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, or else `AWS_ENDPOINT_URL`.
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// `AWS_CA_BUNDLE`: a PEM file of certificate authorities to trust beside the compiled-in ones.
    pub(crate) ca_bundle: Option<String>,
}

/// Why a configuration was refused: one line for each variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(crate) struct ConfigError(Vec<String>);

impl Config {
    /// Reads the process's environment.
    pub(crate) fn from_environment() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { variable, problems: Vec::new() };

        let pat_secret_id = reader.required("CALENDLY_PAT_SECRET_ID", SecretIdTemplate::parse);
        let pat_cache = reader.optional("PAT_CACHE_SECONDS", |text| number(text, 0, 86_400));
        let event_type_cache = reader.optional("EVENT_TYPE_CACHE_SECONDS", |text| number(text, 0, 86_400));
        let calendly_base_url = reader.optional("CALENDLY_BASE_URL", |text| {
            base_url(text).map(|url| url.as_str().trim_end_matches('/').to_owned())
        });
        let calendly_timeout = reader.optional("CALENDLY_TIMEOUT_MS", |text| number(text, 1, 900_000));
        let calendly_max_retries = reader.optional("CALENDLY_MAX_RETRIES", |text| number(text, 0, 10));
        let issuer = reader.issuer();
        let audiences = reader.required("JWT_AUDIENCE", audiences);
        let required_scope = reader.optional("JWT_REQUIRED_SCOPE", scope_token);
        let region = match reader.text("AWS_REGION") {
            Some(region) => Some(region),
            None => match reader.text("AWS_DEFAULT_REGION") {
                Some(region) => Some(region),
                None => reader.missing("AWS_REGION"),
            },
        };
        let secrets_manager_endpoint = match reader.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER", http_url) {
            Some(endpoint) => Some(endpoint),
            None => reader.optional("AWS_ENDPOINT_URL", http_url),
        };
        let ca_bundle = reader.text("AWS_CA_BUNDLE");

        match (reader.problems.is_empty(), pat_secret_id, issuer, audiences, region) {
            (true, Some(pat_secret_id), Some(issuer), Some(audiences), Some(region)) => Ok(Self {
                pat_secret_id,
                pat_cache: Duration::from_secs(pat_cache.unwrap_or(300)),
                event_type_cache: Duration::from_secs(event_type_cache.unwrap_or(60)),
                calendly_base_url: calendly_base_url.unwrap_or_else(|| "https://api.calendly.com".to_owned()),
                calendly_timeout: Duration::from_millis(calendly_timeout.unwrap_or(5_000)),
                calendly_max_retries: calendly_max_retries.unwrap_or(2),
                issuer,
                audiences,
                required_scope,
                aws: AwsConfig { region, secrets_manager_endpoint, ca_bundle },
            }),
            _ => Err(ConfigError(reader.problems)),
        }
    }
}

/// Reads variables and remembers what was wrong with them.
struct Reader<V> {
    variable: V,
    problems: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Reader<V> {
    /// The variable's value; `None` where it is unset or empty.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.problems.push(format!("{name} is required and is not set"));
        None
    }

    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                // What is before an @ may be a password.
                let shown = if text.contains('@') { String::new() } else { format!(" {text:?}") };
                self.problems.push(format!("{name}{shown}: {reason}"));
                None
            }
        }
    }

    fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        if self.text(name).is_none() {
            return self.missing(name);
        }
        self.optional(name, parse)
    }

    fn issuer(&mut self) -> Option<Issuer> {
        let issuer = self.optional("JWT_ISSUER", |text| base_url(text).map(|_| text.to_owned()));
        let jwks_url = self.optional("JWT_JWKS_URL", secure_url);
        match (self.text("JWT_ISSUER"), self.text("JWT_JWKS_URL"), self.text("JWT_SECRET_ID")) {
            (Some(_), _, None) => issuer.map(|issuer| Issuer::Published { issuer, jwks_url }),
            (None, None, Some(secret_id)) => Some(Issuer::SharedSecret { secret_id }),
            (None, Some(_), None) => {
                self.problems.push("JWT_JWKS_URL needs JWT_ISSUER, the expected iss, beside it".to_owned());
                None
            }
            (None, None, None) => {
                self.problems.push(
                    "JWT_ISSUER and JWT_SECRET_ID are both unset: set JWT_ISSUER if the issuer publishes its \
                     keys, or JWT_SECRET_ID if it shares a secret"
                        .to_owned(),
                );
                None
            }
            (issuer, _, Some(_)) => {
                let other = if issuer.is_some() { "JWT_ISSUER" } else { "JWT_JWKS_URL" };
                self.problems.push(format!(
                    "{other} and JWT_SECRET_ID are both set: a token is verified with the issuer's published \
                     keys or with a shared secret, so unset one"
                ));
                None
            }
        }
    }
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(value) if value >= least && value <= most => Ok(value),
        _ => Err(format!("not a whole number from {least} to {most}")),
    }
}

fn audiences(text: &str) -> Result<Vec<String>, String> {
    let audiences: Vec<String> =
        text.split(',').map(str::trim).filter(|audience| !audience.is_empty()).map(str::to_owned).collect();
    if audiences.is_empty() { Err("names no audience".to_owned()) } else { Ok(audiences) }
}

/// One `scope-token` (RFC 6749, section 3.3), so that it can stand in a challenge as it is.
fn scope_token(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("not one scope: no spaces, quotes or backslashes".to_owned())
    }
}

fn http_url(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err("not an http or https URL".to_owned()),
    }
}

/// A [`secure_url`] that paths are appended to.
fn base_url(text: &str) -> Result<Url, String> {
    let url = secure_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment".to_owned());
    }
    Ok(url)
}

/// A URL that secrets may be sent to and keys fetched from: `https`, or `http` on this machine
/// (loopback) and on `.internal` hosts, where a container finds the machine it runs on.
pub(crate) fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".internal"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("must be https (http is for loopback and .internal hosts)".to_owned()),
        _ => Err("must be an https URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("CALENDLY_PAT_SECRET_ID", "calendly/pat"),
        ("JWT_ISSUER", "https://issuer.example/"),
        ("JWT_AUDIENCE", "one, two"),
        ("AWS_REGION", "eu-west-1"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<Config, String> {
        Config::from_variables(|name| {
            changes.iter().chain(&GOOD).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = config(&[]).unwrap();
        assert_eq!(config.pat_cache, Duration::from_secs(300));
        assert_eq!(config.event_type_cache, Duration::from_secs(60));
        assert_eq!(config.calendly_base_url, "https://api.calendly.com");
        assert_eq!(config.calendly_timeout, Duration::from_secs(5));
        assert_eq!(config.calendly_max_retries, 2);
        assert_eq!(config.audiences, ["one", "two"]);
        assert_eq!(config.required_scope, None);
        assert_eq!(
            config.issuer,
            Issuer::Published { issuer: "https://issuer.example/".to_owned(), jwks_url: None }
        );
    }

    #[test]
    fn empty_counts_as_unset() {
        let config =
            config(&[("JWT_SECRET_ID", ""), ("PAT_CACHE_SECONDS", ""), ("CALENDLY_BASE_URL", "")]).unwrap();
        assert_eq!(config.pat_cache, Duration::from_secs(300));
        assert_eq!(config.calendly_base_url, "https://api.calendly.com");
    }

    #[test]
    fn a_shared_secret_is_the_other_kind_of_issuer() {
        let config = config(&[("JWT_ISSUER", ""), ("JWT_SECRET_ID", "jwt")]).unwrap();
        assert_eq!(config.issuer, Issuer::SharedSecret { secret_id: "jwt".to_owned() });
    }

    #[test]
    fn every_problem_names_its_variable() {
        for (changes, expected) in [
            (&[("CALENDLY_PAT_SECRET_ID", "")][..], "CALENDLY_PAT_SECRET_ID is required"),
            (&[("CALENDLY_PAT_SECRET_ID", "pat/{sub")], "CALENDLY_PAT_SECRET_ID \"pat/{sub\": "),
            (&[("JWT_AUDIENCE", "")], "JWT_AUDIENCE is required"),
            (&[("JWT_AUDIENCE", " , ")], "JWT_AUDIENCE \" , \": names no audience"),
            (&[("AWS_REGION", "")], "AWS_REGION is required"),
            (&[("PAT_CACHE_SECONDS", "-1")], "PAT_CACHE_SECONDS \"-1\": not a whole number"),
            (&[("EVENT_TYPE_CACHE_SECONDS", "1m")], "EVENT_TYPE_CACHE_SECONDS \"1m\": not a whole number"),
            (&[("CALENDLY_TIMEOUT_MS", "0")], "CALENDLY_TIMEOUT_MS \"0\": not a whole number from 1"),
            (
                &[("CALENDLY_MAX_RETRIES", "11")],
                "CALENDLY_MAX_RETRIES \"11\": not a whole number from 0 to 10",
            ),
            (
                &[("CALENDLY_BASE_URL", "http://calendly.example")],
                "CALENDLY_BASE_URL \"http://calendly.example\": must be https",
            ),
            (&[("CALENDLY_BASE_URL", "https://a:b@calendly.example")], "must not hold a user name"),
            (&[("JWT_ISSUER", "issuer")], "JWT_ISSUER \"issuer\": not a URL"),
            (&[("JWT_JWKS_URL", "ftp://x/")], "JWT_JWKS_URL \"ftp://x/\": must be an https URL"),
            (&[("JWT_REQUIRED_SCOPE", "a b")], "JWT_REQUIRED_SCOPE \"a b\": not one scope"),
            (&[("JWT_SECRET_ID", "jwt")], "JWT_ISSUER and JWT_SECRET_ID are both set"),
            (
                &[("JWT_ISSUER", ""), ("JWT_JWKS_URL", "https://x/"), ("JWT_SECRET_ID", "s")],
                "JWT_JWKS_URL and JWT_SECRET_ID are both set",
            ),
            (&[("JWT_ISSUER", ""), ("JWT_JWKS_URL", "https://x/")], "JWT_JWKS_URL needs JWT_ISSUER"),
            (&[("JWT_ISSUER", "")], "JWT_ISSUER and JWT_SECRET_ID are both unset"),
            (
                &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:1")],
                "AWS_ENDPOINT_URL_SECRETS_MANAGER \"localhost:1\": not an http",
            ),
        ] {
            let message = config(changes).map(|_| ()).unwrap_err();
            assert!(message.contains(expected), "{changes:?}: {message}");
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let message = config(&[("JWT_AUDIENCE", ""), ("CALENDLY_TIMEOUT_MS", "x")]).map(|_| ()).unwrap_err();
        assert!(message.contains("JWT_AUDIENCE") && message.contains("CALENDLY_TIMEOUT_MS"), "{message}");
    }

    #[test]
    fn only_a_url_that_paths_are_appended_to_must_have_no_query() {
        assert!(config(&[("JWT_JWKS_URL", "https://issuer.example/keys?p=policy")]).is_ok());
        for variable in ["CALENDLY_BASE_URL", "JWT_ISSUER"] {
            let message = config(&[(variable, "https://issuer.example/?p=policy")]).map(|_| ()).unwrap_err();
            assert!(message.contains("must not have a query"), "{message}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let message =
            config(&[("CALENDLY_BASE_URL", "https://a:hush@calendly.example")]).map(|_| ()).unwrap_err();
        assert_eq!(message, "CALENDLY_BASE_URL: must not hold a user name or password");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:4010/issuer",
            "http://localhost:1",
            "http://[::1]:1",
            "http://host.containers.internal:1",
            "https://issuer.example",
        ] {
            assert!(secure_url(good).is_ok(), "{good}");
        }
        for bad in ["http://issuer.example", "http://internal.example", "http://10.0.0.1", "data:x"] {
            assert!(secure_url(bad).is_err(), "{bad}");
        }
    }
}
