//! The harness's own HTTP client.

use std::sync::Once;

use reqwest::Client;

/// A client; plain, without redirects.
///
/// # Panics
///
/// It cannot be built.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests are not the functions, and have a client of their own"
)]
pub fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only where it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("an HTTP client can be built")
}

/// The text that `url` answers to this bearer token, whatever the status.
///
/// # Panics
///
/// There is no answer.
pub async fn get(url: &str, bearer: &str, query: &[(&str, &str)]) -> String {
    let request = client().get(url).bearer_auth(bearer).query(query);
    let response = request.send().await.expect("the sandbox answers");
    response.text().await.expect("the sandbox answers with a text")
}
