//! What calls to AWS have in common.

use aws_sdk_secretsmanager::config::Credentials;

/// The credentials that Lambda puts into the environment; they last as long as the environment does. `None` where there
/// are none: then every call to AWS fails.
pub(crate) fn credentials_of_environment() -> Option<Credentials> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (key, secret) = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"))?;
    Some(Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment"))
}

/// Whether this is the name of an error, as AWS spells them, and not a text that came in its place.
pub(crate) fn is_error_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
