//! The calls to DynamoDB, signed and sent over the one HTTP client.
//!
//! Three operations on one kind of item need little of the SDK, and the signer is here already: it is what the SDK of
//! Secrets Manager signs with.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::time::SystemTime;

use aws_sdk_secretsmanager::config::Credentials;
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

use super::Name;
use crate::{
    config::{
        TableConfig,
        aws::{dynamodb_endpoint, is_error_code},
    },
    http::{ByteBudget, HttpClient, body, failure_reason, json::object_of_bytes},
};

/// The largest item has 400 KB, and a third more as it is sent.
const LARGEST_ANSWER: usize = 1024 * 1024;

const CONTENT: &str = "application/x-amz-json-1.0";

/// One table of DynamoDB's.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    table: String,
    endpoint: String,
    region: String,
    identity: Option<Identity>,
    http: HttpClient,
}

/// An item as it was found. What is not of the type that it should be counts as not there.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) lease: Option<SeenLease>,
}

/// The attribute of a lease, whatever it holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeenLease(Value);

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The item is not as it was to be.
    Condition,
    /// Anything else, in words of ours.
    Failed(String),
}

#[derive(Deserialize)]
struct GetItemAnswer {
    #[serde(rename = "Item", default)]
    item: Value,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(rename = "__type")]
    kind: String,
}

impl Item {
    /// From DynamoDB's answer to `GetItem`; `None` if that is none.
    pub(crate) fn read(answer: &[u8]) -> Option<Self> {
        let GetItemAnswer { item } = object_of_bytes(answer)?;
        let value = item.get("value").and_then(|value| value.get("B")).and_then(Value::as_str);
        Some(Self {
            value: value.and_then(|value| BASE64_STANDARD.decode(value).ok()),
            lease: item.get("lease").cloned().map(SeenLease),
        })
    }
}

impl SeenLease {
    #[cfg(test)]
    pub(crate) fn of(attribute: Value) -> Self {
        Self(attribute)
    }

    /// Until when it lasts, in milliseconds since 1970.
    pub(crate) fn until(&self) -> Option<i64> {
        self.0.get("N")?.as_str()?.parse().ok()
    }
}

impl DynamoDb {
    pub(crate) fn new(
        TableConfig { name: table, endpoint, region, endpoint_kind }: TableConfig,
        credentials: Option<Credentials>,
        http: HttpClient,
    ) -> Self {
        let endpoint = endpoint.unwrap_or_else(|| dynamodb_endpoint(&region, endpoint_kind));
        Self { table, endpoint, region, identity: credentials.map(Identity::from), http }
    }

    pub(crate) async fn connect(&self) -> Result<(), String> {
        self.http.preconnect(&self.endpoint).await
    }

    /// An item; an empty one if there is none.
    pub(crate) async fn get(&self, name: &Name) -> Result<Item, CallError> {
        let answer = self.call("GetItem", &json!({"TableName": self.table, "Key": key(name)})).await?;
        Item::read(&answer)
            .ok_or_else(|| CallError::Failed("DynamoDB's answer could not be understood".to_owned()))
    }

    /// Puts an item without a lease in the place of whatever is there. From `expires` on, in seconds since 1970, it may
    /// be cleaned up.
    pub(crate) async fn put(&self, name: &Name, value: &[u8], expires: i64) -> Result<(), CallError> {
        let item = json!({
            "pk": {"S": name.as_str()},
            "value": {"B": BASE64_STANDARD.encode(value)},
            "expires": number(expires),
        });
        self.call("PutItem", &json!({"TableName": self.table, "Item": item})).await.map(drop)
    }

    /// Takes the lease of an item `until` then, in milliseconds since 1970, if it is still as it was `seen`. An item
    /// that is new may be cleaned up from `expires` on.
    ///
    /// # Errors
    ///
    /// [`CallError::Condition`] if somebody else was faster.
    pub(crate) async fn lease(
        &self,
        name: &Name,
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
            "TableName": self.table,
            "Key": key(name),
            "UpdateExpression": "SET #lease = :until, #expires = if_not_exists(#expires, :expires)",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#lease": "lease", "#expires": "expires"},
            "ExpressionAttributeValues": values,
        });
        self.call("UpdateItem", &request).await.map(drop)
    }

    /// Gives back a lease that lasts `until` then.
    ///
    /// # Errors
    ///
    /// [`CallError::Condition`] if it is not there any more.
    pub(crate) async fn release(&self, name: &Name, until: i64) -> Result<(), CallError> {
        let request = json!({
            "TableName": self.table,
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
        let answer = body(response, &ByteBudget::new(LARGEST_ANSWER))
            .await
            .map_err(|_| failed("DynamoDB's answer broke off or is too large"))?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let kind = object_of_bytes::<ErrorAnswer>(&answer).map(|answer| answer.kind);
        // Its name follows the name space that it is of.
        match kind.as_deref().and_then(|kind| kind.rsplit('#').next()).filter(|kind| is_error_code(kind)) {
            Some("ConditionalCheckFailedException") => Err(CallError::Condition),
            Some(kind) => Err(CallError::Failed(format!("DynamoDB answered {kind}"))),
            None => Err(CallError::Failed(format!("DynamoDB answered {}", status.as_u16()))),
        }
    }

    /// A request as AWS wants it (Signature Version 4); `None` without credentials.
    fn signed(&self, target: &str, request: &impl Serialize) -> Option<reqwest::Request> {
        let body = serde_json::to_vec(request).ok()?;
        let headers = [("content-type", CONTENT), ("x-amz-target", target)];
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
            .header(CONTENT_TYPE, HeaderValue::from_static(CONTENT))
            .header("x-amz-target", target);
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        builder.body(body).build().ok()
    }
}

fn key(name: &Name) -> Value {
    json!({"pk": {"S": name.as_str()}})
}

fn number(number: i64) -> Value {
    json!({"N": number.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_a_value_and_a_lease_or_neither() {
        let read = |answer: &str| {
            let item = Item::read(answer.as_bytes())?;
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
