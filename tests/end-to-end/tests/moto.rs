//! Requests that moto, an independent implementation of AWS, understands: real signing, Secrets Manager, DynamoDB's
//! conditional writes, and Cognito's tokens. All other tests use stand-ins.

use end_to_end::{Answer, Binary, Gateway, Moto, Request, Setup, World, slow_clock};
use sandbox::DEFAULT_PAT;
use serde_json::{Value, json};

use super::availability_cache::{send_ok, some_days};

#[tokio::test(flavor = "multi_thread")]
async fn pat_is_read_from_secrets_manager() {
    let moto = Moto::start().await;
    let secret = json!({"Name": "moto/calendly/pat", "SecretString": DEFAULT_PAT});
    let created = moto.call("secretsmanager", "secretsmanager.CreateSecret", &secret).await;
    for id in ["moto/calendly/pat", created["ARN"].as_str().unwrap()] {
        let setup = Setup::new(Binary::User).with("CALENDLY_PAT_SECRET_ID", id);
        let world = setup.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &moto.url).start().await;
        world.get(&[]).await.assert_ok(id);
    }
    let world = Setup::new(Binary::User)
        .with("CALENDLY_PAT_SECRET_ID", "moto/{sub}")
        .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &moto.url)
        .start()
        .await;
    world.get(&[]).await.assert_error(400, "pat_missing", "no such secret");
}

/// One environment leases and writes a window, and another reads it. moto is too slow for the functions' time budget of
/// 100 ms, which becomes 2 s.
#[tokio::test(flavor = "multi_thread")]
async fn cache_is_shared_through_dynamodb() {
    let moto = Moto::start().await;
    let call = async |operation: &str, body: Value| {
        moto.call("dynamodb", &format!("DynamoDB_20120810.{operation}"), &body).await
    };
    let table = json!({
        "TableName": "moto-cache",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    call("CreateTable", table).await;
    // The first calls of each operation are slow.
    let key = json!({"pk": {"S": "first"}});
    call("PutItem", json!({"TableName": "moto-cache", "Item": key})).await;
    call("GetItem", json!({"TableName": "moto-cache", "Key": key})).await;
    let update = json!({
        "TableName": "moto-cache", "Key": key, "UpdateExpression": "SET lease = :lease",
        "ConditionExpression": "attribute_not_exists(lease)", "ExpressionAttributeValues": {":lease": {"N": "1"}},
    });
    call("UpdateItem", update).await;
    call("DeleteItem", json!({"TableName": "moto-cache", "Key": key})).await;

    let setup = Setup::new(Binary::CheckAvailability)
        .with("AVAILABILITY_CACHE_SECONDS", "300")
        .with("CACHE_TABLE", "moto-cache")
        .with("AWS_ENDPOINT_URL_DYNAMODB", &moto.url);
    let world = setup.with_all(slow_clock(0.05)).start().await;
    let request = some_days(&world);
    send_ok(&world.function, &request).await;
    let other = world.start_environment(Binary::CheckAvailability, &[]).await;
    let answer = other.send(&request).await;
    answer.assert_ok("the other environment");
    let line = other.log_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityFromTable"].as_f64(), Some(1.0), "{line}");
    let items = call("Scan", json!({"TableName": "moto-cache"})).await["Items"].clone();
    let members: Vec<_> = items[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["expires", "pk", "value"], "the lease is released");
}

/// A Cognito user pool with one client and one user.
struct Cognito {
    moto: Moto,
    pool: String,
    client: String,
}

impl Cognito {
    async fn call(moto: &Moto, operation: &str, body: Value) -> Value {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        moto.call("cognito-idp", &target, &body).await
    }

    async fn start() -> Self {
        let moto = Moto::start().await;
        let pool = Self::call(&moto, "CreateUserPool", json!({"PoolName": "callers"})).await;
        let pool = pool["UserPool"]["Id"].as_str().unwrap().to_owned();
        let client = json!({"UserPoolId": pool, "ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]});
        let client = Self::call(&moto, "CreateUserPoolClient", client).await;
        let client = client["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned();
        Self::call(&moto, "AdminCreateUser", json!({"UserPoolId": pool, "Username": "ann"})).await;
        let password =
            json!({"UserPoolId": pool, "Username": "ann", "Password": "Correct-horse-1", "Permanent": true});
        Self::call(&moto, "AdminSetUserPassword", password).await;
        Self { moto, pool, client }
    }

    /// Signs in; returns the access token and the ID token.
    async fn sign_in(&self) -> [String; 2] {
        let request = json!({
            "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": self.client,
            "AuthParameters": {"USERNAME": "ann", "PASSWORD": "Correct-horse-1"},
        });
        let answer = Self::call(&self.moto, "InitiateAuth", request).await;
        ["AccessToken", "IdToken"]
            .map(|name| answer["AuthenticationResult"][name].as_str().unwrap().to_owned())
    }

    fn setup(&self, audience: &str) -> Setup {
        Setup::new(Binary::User)
            .with("JWT_ISSUER", &format!("https://cognito-idp.us-east-1.amazonaws.com/{}", self.pool))
            .with("JWT_JWKS_URL", &format!("{}/{}/.well-known/jwks.json", self.moto.url, self.pool))
            .with("JWT_AUDIENCE", audience)
    }
}

async fn get(world: &World, gateway: Gateway, token: &str) -> Answer {
    world.send_through(gateway, &Request::get("/calendly/user").bearer(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cognito_access_tokens_are_accepted_and_other_tokens_are_not() {
    let (cognito, other) = (Cognito::start().await, Cognito::start().await);
    let [access, id] = cognito.sign_in().await;
    let world = cognito.setup(&cognito.client).start().await;
    for gateway in Gateway::BOTH {
        get(&world, gateway, &access).await.assert_ok(gateway);
        get(&world, gateway, &id).await.assert_error(401, "token_invalid", "an ID token");
    }
    // moto signs the tokens of all pools with the same key.
    for (setup, case) in
        [(cognito.setup(&other.client), "another client"), (other.setup(&cognito.client), "another pool")]
    {
        let world = setup.start().await;
        get(&world, Gateway::HttpApi, &access).await.assert_error(401, "token_invalid", case);
    }
    let scope = "aws.cognito.signin.user.admin";
    let world = cognito.setup(&cognito.client).with("JWT_REQUIRED_SCOPE", scope).start().await;
    get(&world, Gateway::HttpApi, &access).await.assert_ok(scope);
}
