//! Amazon Cognito: moto, with a user pool, a client and a user who can sign in.

use serde_json::{Value, json};

use crate::{http::client, secrets_manager::moto};

const USERNAME: &str = "ann";
const PASSWORD: &str = "Correct-horse-1";

/// A user pool.
#[derive(Debug)]
pub struct Cognito {
    /// The `iss` of its tokens, an address of AWS.
    pub issuer: String,
    /// Where its keys really are: on this machine.
    pub jwks_url: String,
    /// The client's id.
    pub client_id: String,
    moto: String,
}

/// What a user gets for a password.
#[derive(Debug)]
pub struct CognitoTokens {
    /// Opens resources.
    pub access: String,
    /// Tells the client who signed in.
    pub id: String,
}

impl Cognito {
    /// A new user pool.
    ///
    /// # Panics
    ///
    /// There is no moto, or it lacks what Cognito needs.
    pub async fn start() -> Self {
        let moto = tokio::task::spawn_blocking(moto).await.expect("moto starts");
        let pool = call(&moto, "CreateUserPool", json!({"PoolName": "callers"})).await;
        let pool = text(&pool["UserPool"]["Id"]);
        let client = json!({
            "UserPoolId": pool, "ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        });
        let client = call(&moto, "CreateUserPoolClient", client).await;
        call(&moto, "AdminCreateUser", json!({"UserPoolId": pool, "Username": USERNAME})).await;
        let password =
            json!({"UserPoolId": pool, "Username": USERNAME, "Password": PASSWORD, "Permanent": true});
        call(&moto, "AdminSetUserPassword", password).await;
        Self {
            issuer: format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"),
            jwks_url: format!("{moto}/{pool}/.well-known/jwks.json"),
            client_id: text(&client["UserPoolClient"]["ClientId"]),
            moto,
        }
    }

    /// The user's tokens.
    ///
    /// # Panics
    ///
    /// Cognito refuses.
    pub async fn sign_in(&self) -> CognitoTokens {
        let order = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self.client_id,
            "AuthParameters": {"USERNAME": USERNAME, "PASSWORD": PASSWORD},
        });
        let answer = call(&self.moto, "InitiateAuth", order).await;
        let tokens = &answer["AuthenticationResult"];
        CognitoTokens { access: text(&tokens["AccessToken"]), id: text(&tokens["IdToken"]) }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("Cognito answers with a text: {value}")).to_owned()
}

async fn call(moto: &str, operation: &str, body: Value) -> Value {
    let request = client()
        .post(moto)
        .header("X-Amz-Target", format!("AWSCognitoIdentityProviderService.{operation}"))
        .header("Content-Type", "application/x-amz-json-1.1")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/cognito-idp/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(body.to_string());
    let response = request.send().await.expect("moto answers");
    let status = response.status();
    let text = response.text().await.expect("moto answers with a text");
    assert!(
        status.is_success(),
        "{operation}: {status} (moto plays Cognito only with its extra `cognitoidp` installed): {text}"
    );
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{operation}: {error}: {text}"))
}
