//! The HTTP client of the harness.

use std::sync::Once;

use reqwest::Client;

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
