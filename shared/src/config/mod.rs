//! Configuration: environment variables, read and validated once at start.
//!
//! [`Variables`] reads single variables and collects problems; [`Config`] holds what all functions share. `tokens`
//! reads the settings of the token issuer, and `aws` has what the clients of AWS services share.
//!
//! Depends on `http` for URLs, and on the types of `auth` and `pat` that it builds.

pub(crate) mod aws;
mod tokens;
mod variables;

use std::time::Duration;

use aws::EndpointKind;

use crate::{
    auth::issuer::{Issuer, TokenRules},
    http::{base_url, http_url},
    pat::{SecretNameTemplate, secret_id},
};

pub use variables::Variables;

/// The configuration that all functions share.
#[derive(Debug)]
pub(crate) struct Config {
    /// `CALENDLY_PAT_SECRET_ID`.
    pub(crate) pat_secret_id: SecretNameTemplate,
    /// `PAT_CACHE_SECONDS`.
    pub(crate) pat_cache: Duration,
    /// How Calendly is called.
    pub(crate) calendly: CalendlyConfig,
    /// `JWT_ISSUER` and `JWT_JWKS_URL`, or `JWT_SECRET_ID`.
    pub(crate) issuer: Issuer,
    /// The rules for the claims of the issuer's tokens.
    pub(crate) token_rules: TokenRules,
    /// `CALLER_HASH_SECRET_ID`.
    pub(crate) caller_hash_secret_id: Option<String>,
    /// Settings of the AWS clients.
    pub(crate) aws: AwsConfig,
    /// `CACHE_TABLE`, if the shared cache is enabled.
    pub(crate) table: Option<TableConfig>,
}

/// The DynamoDB table of the shared cache.
#[derive(Debug)]
pub(crate) struct TableConfig {
    /// Its name or ARN.
    pub(crate) name: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, or else `AWS_ENDPOINT_URL`, or else the endpoint of the region.
    pub(crate) endpoint: String,
    /// The region of [`AwsConfig`].
    pub(crate) region: String,
}

/// How Calendly is called.
#[derive(Debug)]
pub(crate) struct CalendlyConfig {
    /// `CALENDLY_BASE_URL`, without trailing slashes.
    pub(crate) base_url: String,
    /// `CALENDLY_TIMEOUT_MS`.
    pub(crate) timeout: Duration,
    /// `CALENDLY_MAX_RETRIES`.
    pub(crate) max_retries: u32,
}

/// Variables that AWS defines.
#[derive(Debug)]
pub(crate) struct AwsConfig {
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    pub(crate) region: String,
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub(crate) endpoint_kind: EndpointKind,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, or else `AWS_ENDPOINT_URL`.
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// `AWS_CA_BUNDLE`: a PEM file of certificate authorities to trust in addition to the compiled-in ones.
    pub(crate) ca_bundle: Option<String>,
}

impl Config {
    /// Reads the configuration; `None` if a variable is missing or invalid, which `variables` records.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let pat_secret_id = variables.required("CALENDLY_PAT_SECRET_ID", SecretNameTemplate::parse);
        let pat_cache = variables.seconds("PAT_CACHE_SECONDS", 300, 86_400);
        let calendly = CalendlyConfig::read(variables);
        let issuer = tokens::issuer(variables);
        let audiences = variables.required("JWT_AUDIENCE", tokens::audiences);
        let required_scope = variables.optional("JWT_REQUIRED_SCOPE", tokens::scope_token);
        let caller_hash_secret_id = variables.optional("CALLER_HASH_SECRET_ID", secret_id);
        let aws = AwsConfig::read(variables);
        let table = aws.as_ref().and_then(|aws| TableConfig::read(variables, aws));
        let (issuer, audiences) = (issuer?, audiences?);
        Some(Self {
            pat_secret_id: pat_secret_id?,
            pat_cache,
            calendly,
            token_rules: TokenRules { issuer: issuer.name().map(str::to_owned), audiences, required_scope },
            caller_hash_secret_id,
            issuer,
            aws: aws?,
            table,
        })
    }
}

impl CalendlyConfig {
    fn read(variables: &mut Variables) -> Self {
        let base_url = variables.base_url("CALENDLY_BASE_URL");
        Self {
            base_url: base_url.unwrap_or_else(|| "https://api.calendly.com".to_owned()),
            timeout: Duration::from_millis(variables.number("CALENDLY_TIMEOUT_MS", 5_000, 1..=900_000)),
            max_retries: variables.number("CALENDLY_MAX_RETRIES", 2, 0..=10),
        }
    }
}

impl AwsConfig {
    fn read(variables: &mut Variables) -> Option<Self> {
        let has_only_default =
            variables.text("AWS_REGION").is_none() && variables.text("AWS_DEFAULT_REGION").is_some();
        let name = if has_only_default { "AWS_DEFAULT_REGION" } else { "AWS_REGION" };
        let region = variables.required(name, aws::region);
        let mut flag = |name| variables.optional(name, aws::flag).unwrap_or_default();
        let endpoint_kind = EndpointKind {
            use_fips: flag("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: flag("AWS_USE_DUALSTACK_ENDPOINT"),
        };
        let secrets_manager_endpoint = endpoint(variables, "AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint_kind);
        let ca_bundle = variables.text("AWS_CA_BUNDLE");
        Some(Self { region: region?, endpoint_kind, secrets_manager_endpoint, ca_bundle })
    }
}

impl TableConfig {
    fn read(variables: &mut Variables, aws: &AwsConfig) -> Option<Self> {
        let name = variables.optional("CACHE_TABLE", table_name)?;
        let endpoint = endpoint(variables, "AWS_ENDPOINT_URL_DYNAMODB", aws.endpoint_kind)
            .unwrap_or_else(|| aws::dynamodb_endpoint(&aws.region, aws.endpoint_kind));
        Some(Self { name, endpoint, region: aws.region.clone() })
    }
}

/// Reads the custom endpoint of an AWS service, or else `AWS_ENDPOINT_URL`, which applies to all services.
fn endpoint(variables: &mut Variables, service_variable: &str, kind: EndpointKind) -> Option<String> {
    // The AWS SDKs refuse both together.
    let parse = |text: &str| match kind {
        EndpointKind { use_fips: false, use_dual_stack: false } => http_url(text),
        _ => Err("cannot be combined with AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT".to_owned()),
    };
    variables.optional(service_variable, parse).or_else(|| variables.optional("AWS_ENDPOINT_URL", parse))
}

/// Validates the name or ARN of a DynamoDB table.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn table_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("arn:").map_or(Some(text), |arn| Some(arn.split_once(":table/")?.1));
    let is_name = |name: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        (3..=255).contains(&name.len()) && name.bytes().all(is_allowed)
    };
    if name.is_some_and(is_name) {
        Ok(text.to_owned())
    } else {
        Err("not the name or ARN of a DynamoDB table: 3 to 255 of letters, digits, _, . and -".to_owned())
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

    pub(super) fn config(changes: &[(&str, &str)]) -> Result<Config, String> {
        let all: Vec<_> =
            changes.iter().chain(&GOOD).map(|(name, value)| [*name, *value].map(str::to_owned)).collect();
        let mut variables = Variables::new(move |name| {
            all.iter().find(|[key, _]| key == name).map(|[_, value]| value.clone())
        });
        let config = Config::read(&mut variables);
        variables.checked(config)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = config(&[]).unwrap();
        assert_eq!(config.pat_cache, Duration::from_secs(300));
        assert_eq!(config.calendly.base_url, "https://api.calendly.com");
        assert_eq!(config.calendly.timeout, Duration::from_secs(5));
        assert_eq!(config.calendly.max_retries, 2);
        assert_eq!(config.token_rules.audiences, ["one", "two"]);
        assert_eq!(config.token_rules.required_scope, None);
        assert_eq!(
            config.issuer,
            Issuer::PublishedKeys { issuer: "https://issuer.example/".to_owned(), jwks_url: None }
        );
    }

    #[test]
    fn table_by_name_or_arn() {
        assert!(config(&[]).unwrap().table.is_none());
        for name in ["calendly-cache", "arn:aws:dynamodb:eu-west-1:123456789012:table/calendly.cache_1"] {
            let table = config(&[("CACHE_TABLE", name)]).unwrap().table.unwrap();
            assert_eq!(table.name, name);
            assert_eq!(table.endpoint, "https://dynamodb.eu-west-1.amazonaws.com");
        }
    }

    #[test]
    fn endpoint_settings_hold_for_every_aws_service() {
        let changes = [
            ("AWS_USE_FIPS_ENDPOINT", " True "),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("CACHE_TABLE", "calendly-cache"),
        ];
        let config = config(&changes).unwrap();
        assert_eq!(config.aws.endpoint_kind, EndpointKind { use_fips: true, use_dual_stack: true });
        assert_eq!(config.table.unwrap().endpoint, "https://dynamodb-fips.eu-west-1.api.aws");
    }

    #[test]
    fn shared_secret_issuer() {
        let config = config(&[("JWT_ISSUER", ""), ("JWT_SECRET_ID", "jwt")]).unwrap();
        assert_eq!(config.issuer, Issuer::SharedSecret { secret_id: "jwt".to_owned() });
    }

    #[test]
    fn problems_name_their_variable() {
        for (changes, expected) in [
            (&[("CALENDLY_PAT_SECRET_ID", "")][..], "CALENDLY_PAT_SECRET_ID is required"),
            (&[("CALENDLY_PAT_SECRET_ID", "pat/{sub")], "CALENDLY_PAT_SECRET_ID \"pat/{sub\": "),
            (
                &[("CALENDLY_PAT_SECRET_ID", "calendly pat")],
                "CALENDLY_PAT_SECRET_ID \"calendly pat\": not the name or ARN of a secret",
            ),
            (&[("CALENDLY_PAT_SECRET_ID", "calendly/{sub}\n")], "not the name or ARN of a secret"),
            (&[("CALLER_HASH_SECRET_ID", "{sub}")], "CALLER_HASH_SECRET_ID \"{sub}\": not the name or ARN"),
            (
                &[("JWT_ISSUER", ""), ("JWT_SECRET_ID", "jwt?")],
                "JWT_SECRET_ID \"jwt?\": not the name or ARN of a secret",
            ),
            (&[("JWT_AUDIENCE", "")], "JWT_AUDIENCE is required"),
            (&[("CALENDLY_PAT_SECRET_ID", " \t")], "CALENDLY_PAT_SECRET_ID is required"),
            (&[("JWT_AUDIENCE", " , ")], "JWT_AUDIENCE \" , \": names no audience"),
            (&[("AWS_REGION", "")], "AWS_REGION is required"),
            (&[("AWS_REGION", "eu west 1")], "AWS_REGION \"eu west 1\": not the name of a region"),
            (&[("AWS_REGION", "evil.example/")], "AWS_REGION \"evil.example/\": not the name"),
            (&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "-")], "AWS_DEFAULT_REGION \"-\": not the name"),
            (&[("AWS_USE_FIPS_ENDPOINT", "yes")], "AWS_USE_FIPS_ENDPOINT \"yes\": neither true nor false"),
            (
                &[("AWS_USE_DUALSTACK_ENDPOINT", "1")],
                "AWS_USE_DUALSTACK_ENDPOINT \"1\": neither true nor false",
            ),
            (
                &[("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_ENDPOINT_URL", "https://vpce.example")],
                "AWS_ENDPOINT_URL \"https://vpce.example\": cannot be combined with AWS_USE_FIPS_ENDPOINT",
            ),
            (&[("PAT_CACHE_SECONDS", "-1")], "PAT_CACHE_SECONDS \"-1\": not a whole number"),
            (&[("CALENDLY_TIMEOUT_MS", "0")], "CALENDLY_TIMEOUT_MS \"0\": not a whole number from 1"),
            (
                &[("CALENDLY_MAX_RETRIES", "11")],
                "CALENDLY_MAX_RETRIES \"11\": not a whole number from 0 to 10",
            ),
            (
                &[("CALENDLY_BASE_URL", "http://calendly.example")],
                "CALENDLY_BASE_URL \"http://calendly.example\": must be https",
            ),
            // The password is not shown.
            (
                &[("CALENDLY_BASE_URL", "https://a:hush@calendly.example")],
                "CALENDLY_BASE_URL: must not contain a user name or password",
            ),
            (&[("CALENDLY_BASE_URL", "https://calendly.example/?p=policy")], "must not have a query"),
            (&[("JWT_ISSUER", "https://issuer.example/?p=policy")], "must not have a query"),
            (&[("JWT_ISSUER", "issuer")], "JWT_ISSUER \"issuer\": not a URL"),
            (&[("JWT_JWKS_URL", "ftp://x/")], "JWT_JWKS_URL \"ftp://x/\": must be an https URL"),
            (&[("JWT_REQUIRED_SCOPE", "a b")], "JWT_REQUIRED_SCOPE \"a b\": not one scope"),
            (&[("JWT_SECRET_ID", "jwt")], "JWT_ISSUER and JWT_SECRET_ID are both set"),
            (
                &[("JWT_ISSUER", ""), ("JWT_JWKS_URL", "https://x/"), ("JWT_SECRET_ID", "s")],
                "JWT_JWKS_URL and JWT_SECRET_ID are both set",
            ),
            (&[("JWT_ISSUER", ""), ("JWT_JWKS_URL", "https://x/")], "JWT_JWKS_URL is set without JWT_ISSUER"),
            (&[("JWT_ISSUER", "")], "JWT_ISSUER and JWT_SECRET_ID are both unset"),
            (
                &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:1")],
                "AWS_ENDPOINT_URL_SECRETS_MANAGER \"localhost:1\": not an http",
            ),
            (&[("CACHE_TABLE", "a b")], "CACHE_TABLE \"a b\": not the name or ARN of a DynamoDB table"),
            (&[("CACHE_TABLE", "ab")], "CACHE_TABLE \"ab\": not the name"),
            (&[("CACHE_TABLE", "arn:aws:dynamodb:eu-west-1:1:index/x")], "CACHE_TABLE \"arn:"),
            (
                &[("CACHE_TABLE", "table"), ("AWS_ENDPOINT_URL_DYNAMODB", "x")],
                "AWS_ENDPOINT_URL_DYNAMODB \"x\": not an http",
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
}
