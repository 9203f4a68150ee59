//! A Secrets Manager that knows one secret. moto, which the tests use, takes longer to answer than what is
//! measured here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::header, response::IntoResponse};
use sandbox::DEFAULT_PAT;
use serde_json::json;
use tokio::{net::TcpListener, time::sleep};

/// The secret that holds the PAT.
pub(crate) const PAT_SECRET_ID: &str = "calendly/pat";

/// One that runs, for as long as the Tokio runtime does that it was started in.
#[derive(Debug)]
pub(crate) struct SecretsManager {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    latency: Duration,
    reads: AtomicUsize,
}

impl SecretsManager {
    /// Answers after so many milliseconds.
    pub(crate) async fn start(latency: u64) -> Self {
        let shared = Arc::new(Shared { latency: Duration::from_millis(latency), reads: AtomicUsize::new(0) });
        let router = Router::new().fallback(get_secret_value).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often the secret was read.
    pub(crate) fn reads(&self) -> usize {
        self.shared.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn forget_reads(&self) {
        self.shared.reads.store(0, Ordering::Relaxed);
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
async fn get_secret_value(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.reads.fetch_add(1, Ordering::Relaxed);
    if !shared.latency.is_zero() {
        sleep(shared.latency).await;
    }
    let body = json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{PAT_SECRET_ID}-AbCdEf"),
        "Name": PAT_SECRET_ID,
        "VersionId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
        "SecretString": DEFAULT_PAT,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_796_117_400.0,
    });
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string())
}
