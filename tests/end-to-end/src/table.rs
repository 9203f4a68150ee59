//! A stand-in for the DynamoDB table that environments share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value, json};

use crate::aws_service::{AwsFault, AwsService, lock};

type Items = BTreeMap<String, Map<String, Value>>;

/// A table as the functions see it.
#[derive(Debug)]
pub struct Table {
    /// The value for `CACHE_TABLE`.
    pub name: String,
    /// The value for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub endpoint: String,
    service: AwsService,
    items: Arc<Mutex<Items>>,
}

impl Table {
    /// Starts an empty table.
    pub async fn start() -> Self {
        let items: Arc<Mutex<Items>> = Arc::default();
        let stored = items.clone();
        let service =
            AwsService::start(move |operation, request| handle(&mut lock(&stored), operation, request)).await;
        Self { name: "calendly-cache".to_owned(), endpoint: service.endpoint.clone(), service, items }
    }

    /// Sets the fault of all further calls.
    pub fn set_fault(&self, fault: AwsFault) {
        self.service.set_fault(fault);
    }

    /// The names of the operations called so far.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.service.operations()
    }

    /// Clears the list of operations.
    pub fn clear_calls(&self) {
        self.service.clear_calls();
    }

    /// All items, in DynamoDB's JSON.
    #[must_use]
    pub fn items(&self) -> Vec<Value> {
        lock(&self.items).values().cloned().map(Value::Object).collect()
    }

    /// Puts an item in DynamoDB's JSON.
    pub fn put(&self, item: &Value) {
        put(&mut lock(&self.items), item);
    }
}

fn put(items: &mut Items, item: &Value) {
    let item = item.as_object().expect("an item is an object").clone();
    items.insert(item["pk"]["S"].as_str().expect("a partition key").to_owned(), item);
}

/// Implements the requests of the functions: an update sets or removes attributes under one condition.
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

fn update(items: &mut Items, key: &str, request: &Value) -> Result<Value, &'static str> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let name = |alias: &str| request["ExpressionAttributeNames"][alias].as_str().map(str::to_owned);
    let value = |alias: &str| request["ExpressionAttributeValues"].get(alias).cloned();
    let mut item = items.get(key).cloned().unwrap_or_default();

    let condition = text("ConditionExpression");
    let holds = match condition.strip_prefix("attribute_not_exists(") {
        Some(rest) => {
            let name = name(rest.trim_end_matches(')')).ok_or("ValidationException")?;
            !item.contains_key(&name)
        }
        None => {
            let (attribute, expected) = condition.split_once(" = ").ok_or("ValidationException")?;
            let (name, expected) = name(attribute).zip(value(expected)).ok_or("ValidationException")?;
            item.get(&name) == Some(&expected)
        }
    };
    if !holds {
        return Err("ConditionalCheckFailedException");
    }

    let expression = text("UpdateExpression");
    if let Some(attribute) = expression.strip_prefix("REMOVE ") {
        item.remove(&name(attribute).ok_or("ValidationException")?);
    } else {
        let assignments = expression.strip_prefix("SET ").ok_or("ValidationException")?;
        // In `if_not_exists(#a, :b)`, a value follows the comma; between assignments, an attribute does.
        for assignment in assignments.split(", #").map(|assignment| assignment.trim_start_matches('#')) {
            let (attribute, operand) = assignment.split_once(" = ").ok_or("ValidationException")?;
            let attribute = name(&format!("#{attribute}")).ok_or("ValidationException")?;
            let default = operand.strip_prefix("if_not_exists(").and_then(|rest| rest.split_once(", "));
            match default {
                Some(_) if item.contains_key(&attribute) => {}
                Some((_, default)) => {
                    let default = value(default.trim_end_matches(')')).ok_or("ValidationException")?;
                    item.insert(attribute, default);
                }
                None => {
                    item.insert(attribute, value(operand).ok_or("ValidationException")?);
                }
            }
        }
    }
    item.insert("pk".to_owned(), json!({ "S": key }));
    items.insert(key.to_owned(), item);
    Ok(json!({}))
}
