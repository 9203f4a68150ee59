//! A sandbox and a client for it.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sandbox::{Clock, Config, DEFAULT_PAT, Sandbox};
use serde_json::Value;

/// A Monday, before working hours, four weeks before Lisbon's clocks go forward.
pub(crate) const NOW: &str = "2026-03-02T08:00:00Z";

#[expect(clippy::disallowed_methods, reason = "a test calls the sandbox as anybody would")]
pub(crate) fn client() -> Client {
    // Every test asks for it; the first one gets it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A configuration in which it is always [`NOW`].
pub(crate) fn fixed() -> Config {
    Config { clock: Clock::Fixed(NOW.parse().unwrap()), ..Config::default() }
}

pub(crate) struct Caller {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

impl Caller {
    pub(crate) async fn start(config: Config) -> Self {
        Self { sandbox: Sandbox::start(config).await.unwrap(), http: client() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(DEFAULT_PAT)
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Response {
        self.request(path).query(query).send().await.unwrap()
    }

    /// Status and body of what another PAT is answered.
    pub(crate) async fn get_as(&self, pat: &str, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let request = self.http.get(self.url(path)).bearer_auth(pat).query(query);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The body of a 200.
    pub(crate) async fn read(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let response = self.get(path, query).await;
        assert_eq!(response.status(), StatusCode::OK, "{path} {query:?}");
        response.json().await.unwrap()
    }

    /// The status and the parameter and text of a refusal.
    pub(crate) async fn refused(&self, path: &str, query: &[(&str, &str)]) -> (u16, String) {
        let response = self.get(path, query).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        let text = match &body["details"][0]["message"] {
            Value::String(text) => text,
            _ => body["message"].as_str().unwrap(),
        };
        (status, text.to_owned())
    }

    pub(crate) async fn user_uri(&self) -> String {
        let me = self.read("/users/me", &[]).await;
        text(&me["resource"]["uri"])
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The path in a URI of Calendly's.
pub(crate) fn path(uri: &str) -> &str {
    uri.strip_prefix("https://api.calendly.com").unwrap()
}

/// A member of each row.
pub(crate) fn column(rows: &[Value], member: &str) -> Vec<String> {
    rows.iter().map(|row| text(&row[member])).collect()
}
