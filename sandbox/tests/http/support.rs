//! A running sandbox with an HTTP client.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sandbox::{Clock, Config, DEFAULT_PAT, Sandbox};
use serde_json::Value;

/// The fixed time of most tests: a Monday before working hours. Clocks go forward in New York on 8 March 2026 and
/// in Europe on 29 March 2026.
pub(crate) const NOW: &str = "2026-03-02T08:00:00Z";

#[expect(clippy::disallowed_methods, reason = "tests use a plain HTTP client")]
pub(crate) fn client() -> Client {
    // Fails if another test of this process has installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A configuration with the clock fixed at [`NOW`].
pub(crate) fn fixed() -> Config {
    Config { clock: Clock::Fixed(NOW.parse().unwrap()), ..Config::default() }
}

pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::start_with(fixed()).await
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

    pub(crate) async fn user_uri(&self, pat: &str) -> String {
        text(&self.user(pat).await["uri"])
    }

    /// Returns the pages of a list, by following the tokens.
    pub(crate) async fn pages(&self, pat: &str, query: &[(&str, &str)]) -> Vec<Vec<Value>> {
        let mut pages = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let (status, page) = self.get_as(pat, "/event_types", &query).await;
            assert_eq!(status, 200, "{page}");
            let rows = page["collection"].as_array().unwrap().clone();
            assert_eq!(page["pagination"]["count"], rows.len());
            pages.push(rows);
            let Value::String(next) = &page["pagination"]["next_page_token"] else {
                assert_eq!(page["pagination"]["next_page"], Value::Null);
                return pages;
            };
            token = Some(next.clone());
        }
    }

    /// Returns all event types of the user with this PAT.
    pub(crate) async fn event_types(&self, pat: &str) -> Vec<Value> {
        let user = self.user_uri(pat).await;
        self.pages(pat, &[("user", &user), ("count", "100")]).await.concat()
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

/// Returns a member of each row.
pub(crate) fn column(rows: &[Value], member: &str) -> Vec<String> {
    rows.iter().map(|row| text(&row[member])).collect()
}
