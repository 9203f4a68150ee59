//! Signed calls to DynamoDB over a dedicated [`HttpClient`].
//!
//! Three operations on one kind of item do not need DynamoDB's SDK, which would add 0.4 MB to the binary. The signer is
//! already linked: the SDK of Secrets Manager uses it.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::http::header::{CONTENT_TYPE, HeaderValue};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ItemName, circuit_breaker::CircuitBreaker};
use crate::{
    config::{
        TableConfig,
        aws::{credentials_of_environment, is_error_code},
    },
    http::{ByteBudget, HttpClient, Tls, failure_reason, json::object_of_bytes, read_body},
};

/// The largest response that is read: an item has at most 400 KB, a third more in base64.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

const CONTENT_TYPE_JSON: &str = "application/x-amz-json-1.0";

/// The table, for all requests of this environment.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    endpoint: String,
    region: String,
    identity: Option<Identity>,
    http: HttpClient,
    pub(super) circuit_breaker: CircuitBreaker,
}

/// An item. An attribute of an unexpected type counts as absent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) lease: Option<SeenLease>,
}

/// The lease attribute of an item, as read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeenLease(Value);

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The condition of the update does not hold.
    ConditionFailed,
    /// Any other failure, as a sentence for the log.
    Failed(String),
}

#[derive(Deserialize)]
struct GetItemResponse {
    #[serde(rename = "Item", default)]
    item: Value,
}

#[derive(Deserialize)]
struct ErrorResponse {
    #[serde(rename = "__type")]
    kind: String,
}

impl Item {
    /// Parses DynamoDB's response to `GetItem`; `None` if it is malformed.
    pub(crate) fn parse(response: &[u8]) -> Option<Self> {
        let GetItemResponse { item } = object_of_bytes(response)?;
        let value = item.get("value").and_then(|value| value.get("B")).and_then(Value::as_str);
        Some(Self {
            value: value.and_then(|value| BASE64_STANDARD.decode(value).ok()),
            lease: item.get("lease").cloned().map(SeenLease),
        })
    }
}

impl SeenLease {
    #[cfg(test)]
    pub(crate) fn new(attribute: Value) -> Self {
        Self(attribute)
    }

    /// The end of the lease, in milliseconds since 1970.
    pub(crate) fn until(&self) -> Option<i64> {
        self.0.get("N")?.as_str()?.parse().ok()
    }
}

impl Table {
    /// Creates a client, without a call. Without credentials in the environment, every call fails. The error is a sentence
    /// for the log.
    pub(crate) fn new(config: TableConfig, tls: &Tls) -> Result<Self, String> {
        let TableConfig { name, endpoint, region } = config;
        Ok(Self {
            name,
            endpoint,
            region,
            identity: credentials_of_environment().map(Identity::from),
            http: HttpClient::new(tls)?,
            circuit_breaker: CircuitBreaker::default(),
        })
    }

    /// Opens a connection for the first call. Sends nothing.
    pub(crate) async fn preconnect(&self) -> Result<(), String> {
        self.http.preconnect(&self.endpoint).await
    }

    /// Reads an item; an empty one if there is none.
    pub(crate) async fn get(&self, name: &ItemName) -> Result<Item, CallError> {
        let answer = self.call("GetItem", &json!({"TableName": self.name, "Key": key(name)})).await?;
        Item::parse(&answer)
            .ok_or_else(|| CallError::Failed("DynamoDB's response could not be parsed".to_owned()))
    }

    /// Replaces an item, which removes its lease. DynamoDB may delete it after `expires`, in seconds since 1970.
    pub(crate) async fn put(&self, name: &ItemName, value: &[u8], expires: i64) -> Result<(), CallError> {
        let item = json!({
            "pk": {"S": name.as_str()},
            "value": {"B": BASE64_STANDARD.encode(value)},
            "expires": number(expires),
        });
        self.call("PutItem", &json!({"TableName": self.name, "Item": item})).await.map(drop)
    }

    /// Takes the lease of an item until `until`, in milliseconds since 1970, if the lease is still `seen`. DynamoDB may
    /// delete an item that this creates after `expires`.
    /// Fails with [`CallError::ConditionFailed`] if another environment was faster.
    pub(crate) async fn lease(
        &self,
        name: &ItemName,
        seen: Option<&SeenLease>,
        until: i64,
        expires: i64,
    ) -> Result<(), CallError> {
        let mut values = json!({":until": number(until), ":expires": number(expires)});
        let condition = match (seen, values.as_object_mut()) {
            (Some(SeenLease(seen)), Some(values)) => {
                values.insert(":seen".to_owned(), seen.clone());
                "#lease = :seen"
            }
            _ => "attribute_not_exists(#lease)",
        };
        let request = json!({
            "TableName": self.name,
            "Key": key(name),
            "UpdateExpression": "SET #lease = :until, #expires = if_not_exists(#expires, :expires)",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#lease": "lease", "#expires": "expires"},
            "ExpressionAttributeValues": values,
        });
        self.call("UpdateItem", &request).await.map(drop)
    }

    /// Removes a lease that ends at `until`. Fails with [`CallError::ConditionFailed`] if the item no longer has it.
    pub(crate) async fn release(&self, name: &ItemName, until: i64) -> Result<(), CallError> {
        let request = json!({
            "TableName": self.name,
            "Key": key(name),
            "UpdateExpression": "REMOVE #lease",
            "ConditionExpression": "#lease = :until",
            "ExpressionAttributeNames": {"#lease": "lease"},
            "ExpressionAttributeValues": {":until": number(until)},
        });
        self.call("UpdateItem", &request).await.map(drop)
    }

    async fn call(&self, operation: &str, request: &impl Serialize) -> Result<Vec<u8>, CallError> {
        let failed = |what: &str| CallError::Failed(what.to_owned());
        let request = self
            .signed(&format!("DynamoDB_20120810.{operation}"), request)
            .ok_or_else(|| failed("the request could not be signed (are there AWS credentials?)"))?;
        let response = self.http.execute(request).await.map_err(|error| {
            CallError::Failed(format!("DynamoDB could not be reached ({})", failure_reason(&error)))
        })?;
        let status = response.status();
        let answer = read_body(response, &ByteBudget::new(MAX_RESPONSE_BYTES))
            .await
            .map_err(|_| failed("DynamoDB's response was cut off or is too large"))?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let kind = object_of_bytes::<ErrorResponse>(&answer).map(|answer| answer.kind);
        // The error's name follows its namespace and a #.
        match kind.as_deref().and_then(|kind| kind.rsplit('#').next()).filter(|kind| is_error_code(kind)) {
            Some("ConditionalCheckFailedException") => Err(CallError::ConditionFailed),
            Some(kind) => Err(CallError::Failed(format!("DynamoDB answered {kind}"))),
            None => Err(CallError::Failed(format!("DynamoDB answered {}", status.as_u16()))),
        }
    }

    /// A request with Signature Version 4; `None` without credentials.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
    fn signed(&self, target: &str, request: &impl Serialize) -> Option<reqwest::Request> {
        let body = serde_json::to_vec(request).ok()?;
        let headers = [("content-type", CONTENT_TYPE_JSON), ("x-amz-target", target)];
        let parameters = v4::SigningParams::builder()
            .identity(self.identity.as_ref()?)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let signable =
            SignableRequest::new("POST", &self.endpoint, headers.into_iter(), SignableBody::Bytes(&body));
        let (instructions, _) = sign(signable.ok()?, &parameters).ok()?.into_parts();
        let mut builder = self
            .http
            .post(&self.endpoint)
            .header(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_JSON))
            .header("x-amz-target", target);
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        builder.body(body).build().ok()
    }
}

fn key(name: &ItemName) -> Value {
    json!({"pk": {"S": name.as_str()}})
}

fn number(number: i64) -> Value {
    json!({"N": number.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_item_responses() {
        let read = |answer: &str| {
            let item = Item::parse(answer.as_bytes())?;
            Some((item.value, item.lease.and_then(|lease| lease.until())))
        };
        let value = Some(b"a value".to_vec());
        for (answer, expected) in [
            ("{}", Some((None, None))),
            (r#"{"Item":{"value":{"B":"YSB2YWx1ZQ=="}}}"#, Some((value.clone(), None))),
            (r#"{"Item":{"value":{"B":"YSB2YWx1ZQ=="},"lease":{"N":"17"}}}"#, Some((value, Some(17)))),
            (r#"{"Item":{"value":{"S":"YSB2YWx1ZQ=="},"lease":{"S":"17"}}}"#, Some((None, None))),
            (r#"{"Item":{"value":{"B":"!"}}}"#, Some((None, None))),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(read(answer), expected, "{answer}");
        }
    }
}
