//! The HTTP client of the harness.

use std::sync::Once;

use reqwest::Client;
use sandbox::{DEFAULT_PAT, Sandbox};
use serde_json::Value;

use crate::{EVENT_TYPES, raw_collection};

/// Builds a client that follows no redirects.
#[expect(clippy::disallowed_methods, reason = "the rules for the functions' client do not apply to tests")]
pub fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error means that a provider is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("an HTTP client can be built")
}

/// The body of a GET with this bearer token, whatever the status.
pub async fn get(url: &str, bearer: &str, query: &[(&str, &str)]) -> String {
    let request = client().get(url).bearer_auth(bearer).query(query);
    let response = request.send().await.expect("the sandbox answers");
    response.text().await.expect("the sandbox answers with a text")
}

/// The default PAT's event types on all pages, byte for byte. `filter` has further parameters of the query.
pub async fn sandbox_event_types(sandbox: &Sandbox, filter: &[(&str, &str)]) -> Vec<String> {
    let url = format!("{}{EVENT_TYPES}", sandbox.base_url());
    let user = sandbox.user_uri(DEFAULT_PAT).expect("the default user");
    let mut rows = Vec::new();
    let mut page_token: Option<String> = None;
    loop {
        let mut query = [&[("user", &*user), ("count", "100")], filter].concat();
        query.extend(page_token.as_deref().map(|token| ("page_token", token)));
        let page = get(&url, DEFAULT_PAT, &query).await;
        rows.extend(raw_collection(&page));
        let page: Value = serde_json::from_str(&page).expect("the sandbox answers with JSON");
        page_token = page["pagination"]["next_page_token"].as_str().map(str::to_owned);
        if page_token.is_none() {
            return rows;
        }
    }
}
