//! An Amazon Cognito user pool in moto, with one client and one user.

use serde_json::{Value, json};

use crate::moto::Moto;

const USERNAME: &str = "ann";
const PASSWORD: &str = "Correct-horse-1";

/// A user pool.
#[derive(Debug)]
pub struct Cognito {
    /// The `iss` of its tokens, an address of AWS.
    pub issuer: String,
    /// The URL of its keys, on this machine.
    pub jwks_url: String,
    /// The client's id.
    pub client_id: String,
    moto: Moto,
}

/// The tokens of a signed-in user.
#[derive(Debug)]
pub struct CognitoTokens {
    /// The access token.
    pub access: String,
    /// The ID token.
    pub id: String,
}

impl Cognito {
    /// Creates a user pool.
    pub async fn start() -> Self {
        let moto = Moto::start().await;
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
            jwks_url: format!("{}/{pool}/.well-known/jwks.json", moto.url),
            client_id: text(&client["UserPoolClient"]["ClientId"]),
            moto,
        }
    }

    /// Signs the user in.
    pub async fn sign_in(&self) -> CognitoTokens {
        let request = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self.client_id,
            "AuthParameters": {"USERNAME": USERNAME, "PASSWORD": PASSWORD},
        });
        let answer = call(&self.moto, "InitiateAuth", request).await;
        let tokens = &answer["AuthenticationResult"];
        CognitoTokens { access: text(&tokens["AccessToken"]), id: text(&tokens["IdToken"]) }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("Cognito answers with a text: {value}")).to_owned()
}

async fn call(moto: &Moto, operation: &str, body: Value) -> Value {
    moto.call("cognito-idp", &format!("AWSCognitoIdentityProviderService.{operation}"), &body).await
}
