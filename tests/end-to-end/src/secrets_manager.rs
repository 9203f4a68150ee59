//! A stand-in for AWS Secrets Manager.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use sandbox::Fault;
use serde_json::json;

use crate::aws_service::{AwsService, lock};

/// The member of the response that holds a secret, and its content.
type StoredSecret = (&'static str, String);

/// Secrets Manager as the functions of one test see it.
pub struct SecretsManager {
    /// The value for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub endpoint: String,
    service: AwsService,
    secrets: Arc<Mutex<BTreeMap<String, StoredSecret>>>,
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretsManager").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl SecretsManager {
    /// Starts one without secrets.
    pub async fn start() -> Self {
        let secrets: Arc<Mutex<BTreeMap<String, StoredSecret>>> = Arc::default();
        let stored = secrets.clone();
        let service = AwsService::start(move |operation, request| match operation {
            "GetSecretValue" => {
                let name = request["SecretId"].as_str().unwrap_or_default();
                let secrets = lock(&stored);
                let (member, content) = secrets.get(name).ok_or("ResourceNotFoundException")?;
                Ok(json!({
                    "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"),
                    "Name": name,
                    "VersionId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
                    *member: content,
                    "VersionStages": ["AWSCURRENT"],
                    "CreatedDate": 1_796_117_400.0,
                }))
            }
            _ => Err("UnknownOperationException"),
        })
        .await;
        Self { endpoint: service.endpoint(), service, secrets }
    }

    /// Starts one with one secret.
    pub async fn with_secret(id: &str, text: &str) -> Self {
        let secrets_manager = Self::start().await;
        secrets_manager.store(id, text);
        secrets_manager
    }

    /// Creates or replaces a secret.
    pub fn store(&self, id: &str, text: &str) {
        lock(&self.secrets).insert(id.to_owned(), ("SecretString", text.to_owned()));
    }

    /// Creates or replaces a binary secret.
    pub fn store_binary(&self, id: &str, bytes: &[u8]) {
        lock(&self.secrets).insert(id.to_owned(), ("SecretBinary", BASE64_STANDARD.encode(bytes)));
    }

    /// Sets the fault of all further calls.
    pub fn set_fault(&self, fault: Fault) {
        self.service.set_fault(fault);
    }

    /// Removes the fault.
    pub fn clear_faults(&self) {
        self.service.clear_faults();
    }

    /// The number of reads of secrets so far.
    pub fn reads(&self) -> usize {
        self.service.calls()
    }

    /// Restarts the count of reads.
    pub fn forget_calls(&self) {
        self.service.forget_calls();
    }
}
