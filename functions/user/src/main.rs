//! `GET /calendly/user`: the caller's Calendly URI.

use std::process::ExitCode;

use shared::{Answer, Error, Function, Query, calendly::Calendly};

struct User;

impl Function for User {
    const NAME: &'static str = "user";
    const PARAMETERS: &'static [&'static str] = &[];
    type Parameters = ();

    fn parameters(&self, _: &Query) -> Result<(), Error> {
        Ok(())
    }

    async fn answer(&self, (): &(), calendly: &Calendly<'_>) -> Result<Answer, Error> {
        let uri = calendly.user_uri().await?;
        Ok(serde_json::json!({ "uri": uri.as_str() }).to_string().into())
    }
}

fn main() -> ExitCode {
    shared::run(|_| User)
}
