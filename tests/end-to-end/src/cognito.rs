//! Amazon Cognito: moto, with a user pool, a client and a user who can sign in.

use serde_json::{Value, json};

use crate::moto::Moto;

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
    moto: Moto,
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

async fn call(moto: &Moto, operation: &str, body: Value) -> Value {
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let (status, answer) = moto.call("cognito-idp", &target, &body).await;
    assert!(
        status.is_success(),
        "{operation}: {status} (moto plays Cognito only with its extra `cognitoidp` installed): {answer}"
    );
    answer
}
