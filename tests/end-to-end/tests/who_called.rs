//! Who called is in no log, whatever AWS and the issuer say about them (contract, section 8).
#![cfg(test)]

use end_to_end::{Binary, Request, Setup, World};
use sandbox::{Config, Fault, Mint, Sandbox};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn who_called_is_in_no_line_whatever_aws_says_about_them() {
    let setup = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "calendly/pat/{sub}");
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    let world = setup.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &elsewhere.base_url()).start().await;
    let message = "User: arn:aws:sts::123456789012:assumed-role/user/user is not authorized to perform: \
                   secretsmanager:GetSecretValue on resource: calendly/pat/a-caller-named-so because no \
                   identity-based policy allows the secretsmanager:GetSecretValue action";
    for (status, code) in [
        (400, "AccessDeniedException"),
        (400, "ResourceNotFoundException"),
        (400, "InvalidRequestException"),
        (400, "InvalidParameterException"),
        (400, "DecryptionFailure"),
        (400, "ThrottlingException"),
        (403, "UnrecognizedClientException"),
        (500, "InternalServiceError"),
    ] {
        let body = json!({"__type": code, "Message": message, "message": message}).to_string();
        let fault = Fault::Status {
            status,
            body,
            headers: [
                ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                ("x-amzn-errortype".to_owned(), code.to_owned()),
                ("x-amzn-errormessage".to_owned(), "calendly/pat/a-caller-named-so".to_owned()),
            ]
            .into(),
        };
        elsewhere.fault("/", 4, fault);
        let answer = world.send(&world.request_with_claims(json!({"sub": "a-caller-named-so"}))).await;
        elsewhere.clear_faults();
        assert!([400, 503].contains(&answer.status), "{code}: {}", answer.body);
        let lines = world.function.log_of(&answer.request_id).await;
        assert!(!answer.body.contains("a-caller-named-so"), "{code}: {}", answer.body);
        let output = world.function.raw_output();
        for part in ["a-caller-named-so", "calendly/pat/", "arn:aws:sts", "not authorized"] {
            assert!(!output.contains(part), "{code}: {part}: {output}");
        }
        if answer.status == 503 {
            assert!(json!(lines).to_string().contains(code), "the code is what explains it: {lines:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_called_is_in_no_line_whatever_the_issuer_says_about_them() {
    let world = Setup::of(Binary::User).start().await;
    let header = json!({"kid": "unknown"}).as_object().unwrap().clone();
    let claims = json!({"sub": "a-caller-named-so"}).as_object().unwrap().clone();
    let token = world.sandbox.mint(Mint { header, claims, ..Mint::default() });
    let said = "the token of a-caller-named-so is not welcome";
    let fault = Fault::Status {
        status: 403,
        body: said.to_owned(),
        headers: [("www-authenticate".to_owned(), said.to_owned())].into(),
    };
    world.sandbox.fault("/issuer/jwks", 1, fault);
    let answer = world.send(&Request::get("/calendly/user").bearer(&token)).await;
    assert_eq!(answer.verdict(), (503, "keys_unavailable".to_owned()), "{}", answer.body);
    world.function.kill().await;
    let output = world.function.raw_output();
    assert!(output.contains("403") && !output.contains("a-caller-named-so"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_tell_callers_apart_without_knowing_who_they_are() {
    let world_with_key = async |key: &str| {
        let world = Setup::of(Binary::User).with("CALLER_HASH_SECRET_ID", "{secret}/key").start().await;
        world.secrets.store(&format!("{}/key", world.secret_id), key).await;
        // There was none yet; no request waits for it, and a warm-up reads it.
        assert_eq!(world.ask(&[]).await.status, 200);
        let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
        (world, answer)
    };
    let caller_of = async |world: &World, subject: &str| {
        let answer = world.send(&world.request_with_claims(json!({"sub": subject}))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        world.end_line(&answer.request_id).await["caller"].clone()
    };
    let (world, prepared) = world_with_key(&"k".repeat(32)).await;
    assert_eq!(prepared.get("unprepared"), None, "{prepared}");
    let one = caller_of(&world, "a-caller-named-so").await;
    let digits = one.as_str().unwrap();
    assert!(digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digits}");
    assert_eq!(caller_of(&world, "a-caller-named-so").await, one);
    assert_ne!(caller_of(&world, "another-caller").await, one);
    let refused = world.send(&Request::get("/x").bearer("garbage")).await;
    assert_eq!(world.end_line(&refused.request_id).await.get("caller"), None, "nobody knows who that was");
    assert!(!world.function.raw_output().contains("caller-named-so"));

    let (elsewhere, _) = world_with_key(&"another key of 32 bytes or more.".repeat(2)).await;
    assert_ne!(caller_of(&elsewhere, "a-caller-named-so").await, one, "a hash means nothing elsewhere");
    let (short, prepared) = world_with_key("short").await;
    assert!(prepared["unprepared"].to_string().contains("less than 32 bytes"), "{prepared}");
    assert!(caller_of(&short, "a-caller-named-so").await.is_null());
    let off = Setup::of(Binary::User).start().await;
    assert!(caller_of(&off, "a-caller-named-so").await.is_null());
}
