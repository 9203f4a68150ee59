//! A running sandbox with an HTTP client.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sandbox::{Config, DEFAULT_PAT, Sandbox};
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "tests use a plain HTTP client")]
pub(crate) fn client() -> Client {
    // Fails if another test of this process has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        Self { sandbox: Sandbox::start(config).await.unwrap(), http: client() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    pub(crate) fn request(&self, pat: &str, path: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(pat)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(DEFAULT_PAT, path).send().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }

    /// Sends a GET request and returns status and body.
    pub(crate) async fn get_as(&self, pat: &str, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let response = self.request(pat, path).query(query).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Returns the body of a 200.
    pub(crate) async fn read(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let (status, body) = self.get_as(DEFAULT_PAT, path, query).await;
        assert_eq!(status, 200, "{path} {query:?}: {body}");
        body
    }

    /// Returns the status and the most specific message of an error response.
    pub(crate) async fn error(&self, path: &str, query: &[(&str, &str)]) -> (u16, String) {
        let (status, body) = self.get_as(DEFAULT_PAT, path, query).await;
        let detail = &body["details"][0]["message"];
        (status, text(if detail.is_null() { &body["message"] } else { detail }))
    }

    pub(crate) async fn user(&self, pat: &str) -> Value {
        let (status, mut body) = self.get_as(pat, "/users/me", &[]).await;
        assert_eq!(status, 200, "{body}");
        body["resource"].take()
    }

    pub(crate) async fn user_uri(&self) -> String {
        text(&self.user(DEFAULT_PAT).await["uri"])
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let response = self.http.post(self.url(path)).json(&body).send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns the path of a resource URI.
pub(crate) fn path(uri: &str) -> &str {
    uri.strip_prefix("https://api.calendly.com").unwrap()
}
