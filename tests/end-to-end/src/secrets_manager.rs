//! A stand-in for AWS Secrets Manager.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::aws_service::{AwsFault, AwsService, lock};

const ARN_PREFIX: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";

#[derive(Debug, Clone)]
enum StoredSecret {
    Text(String),
    Binary(Vec<u8>),
    /// Deleted, and still in its recovery window.
    PendingDeletion,
}

/// Secrets Manager as the functions of one test see it.
#[derive(Debug)]
pub struct SecretsManager {
    /// The value for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub endpoint: String,
    service: AwsService,
    secrets: Arc<Mutex<BTreeMap<String, StoredSecret>>>,
}

impl SecretsManager {
    /// Starts one without secrets.
    pub async fn start() -> Self {
        let secrets: Arc<Mutex<BTreeMap<String, StoredSecret>>> = Arc::default();
        let stored = secrets.clone();
        let service = AwsService::start(move |operation, request| match operation {
            "GetSecretValue" => {
                get_secret_value(&lock(&stored), request["SecretId"].as_str().unwrap_or_default())
            }
            _ => Err("UnknownOperationException"),
        })
        .await;
        Self { endpoint: service.endpoint.clone(), service, secrets }
    }

    /// Starts one with one secret.
    pub async fn with_secret(id: &str, text: &str) -> Self {
        let secrets_manager = Self::start().await;
        secrets_manager.store(id, text);
        secrets_manager
    }

    /// Creates or replaces a secret and returns its ARN.
    pub fn store(&self, id: &str, text: &str) -> String {
        lock(&self.secrets).insert(id.to_owned(), StoredSecret::Text(text.to_owned()));
        format!("{ARN_PREFIX}{id}-AbCdEf")
    }

    /// Creates or replaces a binary secret.
    pub fn store_binary(&self, id: &str, bytes: &[u8]) {
        lock(&self.secrets).insert(id.to_owned(), StoredSecret::Binary(bytes.to_vec()));
    }

    /// Schedules the deletion of a secret, which then exists but cannot be read.
    pub fn schedule_deletion(&self, id: &str) {
        lock(&self.secrets).insert(id.to_owned(), StoredSecret::PendingDeletion);
    }

    /// Sets the fault of all further calls.
    pub fn set_fault(&self, fault: AwsFault) {
        self.service.set_fault(fault);
    }

    /// The id of each secret read so far.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let reads = self.service.calls().into_iter().filter(|(operation, _)| operation == "GetSecretValue");
        reads.map(|(_, request)| request["SecretId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Clears the list of reads.
    pub fn clear_calls(&self) {
        self.service.clear_calls();
    }
}

fn get_secret_value(secrets: &BTreeMap<String, StoredSecret>, id: &str) -> Result<Value, &'static str> {
    let name = match id.strip_prefix(ARN_PREFIX) {
        Some(rest) => rest.rsplit_once('-').map_or(rest, |(name, _)| name),
        None => id,
    };
    let (member, content) = match secrets.get(name) {
        Some(StoredSecret::Text(text)) => ("SecretString", text.clone()),
        Some(StoredSecret::Binary(bytes)) => ("SecretBinary", BASE64_STANDARD.encode(bytes)),
        Some(StoredSecret::PendingDeletion) => return Err("InvalidRequestException"),
        None => return Err("ResourceNotFoundException"),
    };
    Ok(json!({
        "ARN": format!("{ARN_PREFIX}{name}-AbCdEf"),
        "Name": name,
        "VersionId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
        member: content,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_796_117_400.0,
    }))
}
