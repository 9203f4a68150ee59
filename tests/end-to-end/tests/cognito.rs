//! Tokens of an issuer that is not ours: Amazon Cognito, played by moto, whose tokens carry the issuer's
//! address at AWS while its keys are on this machine.
#![cfg(test)]

use end_to_end::{Binary, Cognito, Gateway, Request, Setup, World};

fn setup(cognito: &Cognito) -> Setup {
    Setup::of(Binary::User)
        .with("JWT_ISSUER", &cognito.issuer)
        .with("JWT_JWKS_URL", &cognito.jwks_url)
        .with("JWT_AUDIENCE", &cognito.client_id)
}

async fn verdict(world: &World, token: &str) -> (u16, String) {
    world.send(&Request::get("/calendly/user").bearer(token)).await.verdict()
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_opens_and_an_id_token_does_not() {
    let cognito = Cognito::start().await;
    let world = setup(&cognito).start().await;
    let tokens = cognito.sign_in().await;
    for gateway in Gateway::BOTH {
        let request = |token: &str| Request::get("/calendly/user").bearer(token);
        let answer = world.send_through(gateway, &request(&tokens.access)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = world.send_through(gateway, &request(&tokens.id)).await;
        assert_eq!(answer.verdict(), refused(401, "token_invalid"));
        assert_eq!(answer.detail(), "The token is not an access token.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_client_or_of_another_pool_does_not_open() {
    let (cognito, other) = (Cognito::start().await, Cognito::start().await);
    let token = cognito.sign_in().await.access;
    let world = setup(&cognito).with("JWT_AUDIENCE", &other.client_id).start().await;
    assert_eq!(verdict(&world, &token).await, refused(401, "token_invalid"));
    // moto signs for every pool with the same key, so the issuer's name is what tells them apart.
    let world = setup(&other).with("JWT_AUDIENCE", &cognito.client_id).start().await;
    assert_eq!(verdict(&world, &token).await, refused(401, "token_invalid"));
    let both = format!("{},{}", other.client_id, cognito.client_id);
    let world = setup(&cognito).with("JWT_AUDIENCE", &both).start().await;
    assert_eq!(verdict(&world, &token).await, (200, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_where_cognito_puts_them() {
    let cognito = Cognito::start().await;
    let token = cognito.sign_in().await.access;
    let admin = "aws.cognito.signin.user.admin";
    let world = setup(&cognito).with("JWT_REQUIRED_SCOPE", admin).start().await;
    assert_eq!(verdict(&world, &token).await, (200, String::new()));
    let world = setup(&cognito).with("JWT_REQUIRED_SCOPE", "calendly/read").start().await;
    assert_eq!(verdict(&world, &token).await, refused(403, "insufficient_scope"));
}
