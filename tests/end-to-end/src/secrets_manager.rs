//! AWS Secrets Manager.

use serde_json::{Value, json};

use crate::{
    aws_service::{AwsService, Source, Trouble},
    moto::Moto,
};

/// Secrets Manager as one world's functions see it.
#[derive(Debug)]
pub struct SecretsManager {
    /// What `AWS_ENDPOINT_URL_SECRETS_MANAGER` is set to.
    pub endpoint: String,
    service: AwsService,
}

impl SecretsManager {
    /// With moto behind the door, which is Secrets Manager whole. All tests of a process share one, so the
    /// names of their secrets must differ.
    ///
    /// # Panics
    ///
    /// There is no moto, or it does not start.
    pub async fn start() -> Self {
        Self::in_front_of(Source::Moto(Moto::start().await)).await
    }

    /// With one secret that stays as it is, answered at once: where time is measured, moto would take longer
    /// than all the rest.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub async fn holding(id: &str, text: &str) -> Self {
        Self::in_front_of(Source::Secret { id: id.to_owned(), text: text.to_owned() }).await
    }

    async fn in_front_of(source: Source) -> Self {
        let service = AwsService::in_front_of(source).await;
        Self { endpoint: service.endpoint.clone(), service }
    }

    /// Stores a secret, new or not, and answers with its ARN.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn store(&self, id: &str, text: &str) -> String {
        let token = format!("{:032x}", fresh_number());
        let new = json!({"Name": id, "SecretString": text, "ClientRequestToken": token});
        let mut answer = self.call("CreateSecret", &new).await;
        if answer["__type"] == "ResourceExistsException" {
            let put = json!({"SecretId": id, "SecretString": text, "ClientRequestToken": token});
            answer = self.call("PutSecretValue", &put).await;
        }
        answer["ARN"].as_str().unwrap_or_else(|| panic!("the secret is not stored: {answer}")).to_owned()
    }

    /// Stores a new secret that is binary.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn store_binary(&self, id: &str, bytes: &[u8]) {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let new = json!({"Name": id, "SecretBinary": BASE64_STANDARD.encode(bytes)});
        let answer = self.call("CreateSecret", &new).await;
        assert!(answer.get("__type").is_none(), "CreateSecret: {answer}");
    }

    /// Deletes a secret, for good or with the usual days of grace.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn delete(&self, id: &str, at_once: bool) {
        let delete = json!({"SecretId": id, "ForceDeleteWithoutRecovery": at_once});
        let answer = self.call("DeleteSecret", &delete).await;
        assert!(answer.get("__type").is_none(), "DeleteSecret: {answer}");
    }

    /// What goes wrong from now on.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn trouble(&self, trouble: Trouble) {
        self.service.trouble(trouble);
    }

    /// Which secrets the function asked for so far, each time it did.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let reads = self.service.calls().into_iter().filter(|(operation, _)| operation == "GetSecretValue");
        reads.map(|(_, request)| request["SecretId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The names of all operations that the function called so far.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.service.calls().into_iter().map(|(operation, _)| operation).collect()
    }

    /// Forgets the reads and the operations so far.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn forget(&self) {
        self.service.forget();
    }

    /// Straight to moto, whatever the trouble.
    async fn call(&self, operation: &str, body: &Value) -> Value {
        self.service.call("secretsmanager", &format!("secretsmanager.{operation}"), body).await
    }
}

fn fresh_number() -> u128 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() << 32 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}
