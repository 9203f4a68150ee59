//! The DynamoDB table that environments share.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{
    aws_service::{AwsService, Source, Trouble},
    moto::Moto,
};

/// A table as the functions see it: moto's, behind a door.
#[derive(Debug)]
pub struct Table {
    /// What `CACHE_TABLE` is set to.
    pub name: String,
    /// What `AWS_ENDPOINT_URL_DYNAMODB` is set to.
    pub endpoint: String,
    service: AwsService,
}

impl Table {
    /// A new table, as the template makes it.
    ///
    /// # Panics
    ///
    /// There is no moto, or it makes none.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("calendly-cache-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let service = AwsService::in_front_of(Source::Moto(Moto::start().await)).await;
        let table = Self { name, endpoint: service.endpoint.clone(), service };
        let new = json!({
            "TableName": table.name,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let answer = table.call("CreateTable", &new).await;
        assert!(answer.get("TableDescription").is_some(), "CreateTable: {answer}");
        table.wake().await;
        table
    }

    /// Has moto do once each thing that functions ask of it: after a second of rest the first takes it nearly as long as
    /// they wait for a table.
    ///
    /// # Panics
    ///
    /// moto refuses.
    pub async fn wake(&self) {
        let key = json!({"pk": {"S": "wake"}});
        let lease = json!({"N": "1"});
        for (operation, what) in [
            ("PutItem", json!({"Item": key})),
            ("GetItem", json!({"Key": key})),
            (
                "UpdateItem",
                json!({
                    "Key": key,
                    "UpdateExpression": "SET lease = :lease",
                    "ConditionExpression": "attribute_not_exists(lease)",
                    "ExpressionAttributeValues": {":lease": lease},
                }),
            ),
            ("DeleteItem", json!({"Key": key})),
        ] {
            let mut what = what;
            what["TableName"] = json!(self.name);
            let answer = self.call(operation, &what).await;
            assert!(answer.get("__type").is_none(), "{operation}: {answer}");
        }
    }

    /// What goes wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.service.trouble(trouble);
    }

    /// The names of all operations that the functions called so far.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.service.calls().into_iter().map(|(operation, _)| operation).collect()
    }

    /// Forgets the operations so far.
    pub fn forget(&self) {
        self.service.forget();
    }

    /// All items, as DynamoDB has them.
    ///
    /// # Panics
    ///
    /// moto refuses.
    pub async fn items(&self) -> Vec<Value> {
        let answer = self.call("Scan", &json!({"TableName": self.name})).await;
        answer["Items"].as_array().unwrap_or_else(|| panic!("Scan: {answer}")).clone()
    }

    /// Puts an item as it is.
    ///
    /// # Panics
    ///
    /// moto refuses.
    pub async fn put(&self, item: &Value) {
        let answer = self.call("PutItem", &json!({"TableName": self.name, "Item": item})).await;
        assert!(answer.get("__type").is_none(), "PutItem: {answer}");
    }

    /// Deletes the item of this key.
    ///
    /// # Panics
    ///
    /// moto refuses.
    pub async fn delete(&self, pk: &str) {
        let key = json!({"TableName": self.name, "Key": {"pk": {"S": pk}}});
        let answer = self.call("DeleteItem", &key).await;
        assert!(answer.get("__type").is_none(), "DeleteItem: {answer}");
    }

    /// Straight to moto, whatever the trouble.
    async fn call(&self, operation: &str, body: &Value) -> Value {
        self.service.call("dynamodb", &format!("DynamoDB_20120810.{operation}"), body).await
    }
}
