//! A stand-in for the DynamoDB table that environments share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use sandbox::Fault;
use serde_json::{Map, Value, json};

use crate::aws_service::{AwsService, lock};

type Items = BTreeMap<String, Map<String, Value>>;

/// A table as the functions see it.
pub struct Table {
    /// The value for `CACHE_TABLE`.
    pub name: String,
    /// The value for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub endpoint: String,
    service: AwsService,
    state: Arc<Mutex<TableState>>,
}

#[derive(Default)]
struct TableState {
    items: Items,
    operations: Vec<String>,
    denied: Option<&'static str>,
}

impl Table {
    /// Starts an empty table.
    pub async fn start() -> Self {
        let state: Arc<Mutex<TableState>> = Arc::default();
        let shared = state.clone();
        let service = AwsService::start(move |operation, request| {
            let state = &mut *lock(&shared);
            state.operations.push(operation.to_owned());
            if state.denied == Some(operation) {
                return Err("AccessDeniedException");
            }
            handle(&mut state.items, operation, request)
        })
        .await;
        Self { name: "calendly-cache".to_owned(), endpoint: service.endpoint(), service, state }
    }

    /// Sets the fault of all further calls.
    pub fn set_fault(&self, fault: Fault) {
        self.service.set_fault(fault);
    }

    /// Denies all further calls of an operation.
    pub fn deny(&self, operation: &'static str) {
        lock(&self.state).denied = Some(operation);
    }

    /// Removes the fault.
    pub fn clear_faults(&self) {
        self.service.clear_faults();
    }

    /// The names of the operations called so far, without those that had a fault instead.
    pub fn operations(&self) -> Vec<String> {
        lock(&self.state).operations.clone()
    }

    /// Clears the list of operations.
    pub fn forget_operations(&self) {
        lock(&self.state).operations.clear();
    }

    /// All items, in DynamoDB's JSON.
    pub fn items(&self) -> Vec<Value> {
        lock(&self.state).items.values().cloned().map(Value::Object).collect()
    }

    /// Puts an item in DynamoDB's JSON.
    pub fn put(&self, item: &Value) {
        put(&mut lock(&self.state).items, item);
    }
}

fn put(items: &mut Items, item: &Value) {
    let item = item.as_object().expect("an item is an object").clone();
    items.insert(item["pk"]["S"].as_str().expect("a partition key").to_owned(), item);
}

fn handle(items: &mut Items, operation: &str, request: &Value) -> Result<Value, &'static str> {
    let key = request["Key"]["pk"]["S"].as_str();
    match (operation, key) {
        ("GetItem", Some(key)) => Ok(items.get(key).map_or(json!({}), |item| json!({ "Item": item }))),
        ("PutItem", None) => {
            put(items, &request["Item"]);
            Ok(json!({}))
        }
        ("UpdateItem", Some(key)) => update(items, key, request),
        _ => Err("ValidationException"),
    }
}

/// Takes or releases a lease, in the functions' own expressions. The tests with moto show that DynamoDB understands them.
fn update(items: &mut Items, key: &str, request: &Value) -> Result<Value, &'static str> {
    let value =
        |alias: &str| request["ExpressionAttributeValues"].get(alias).cloned().ok_or("ValidationException");
    let mut item = items.get(key).cloned().unwrap_or_default();
    let holds = match request["ConditionExpression"].as_str() {
        Some("attribute_not_exists(#lease)") => !item.contains_key("lease"),
        Some("#lease = :seen") => item.get("lease") == Some(&value(":seen")?),
        Some("#lease = :until") => item.get("lease") == Some(&value(":until")?),
        _ => return Err("ValidationException"),
    };
    if !holds {
        return Err("ConditionalCheckFailedException");
    }
    match request["UpdateExpression"].as_str() {
        Some("SET #lease = :until, #expires = if_not_exists(#expires, :expires)") => {
            item.insert("lease".to_owned(), value(":until")?);
            item.entry("expires").or_insert(value(":expires")?);
        }
        Some("REMOVE #lease") => drop(item.remove("lease")),
        _ => return Err("ValidationException"),
    }
    item.insert("pk".to_owned(), json!({ "S": key }));
    items.insert(key.to_owned(), item);
    Ok(json!({}))
}
