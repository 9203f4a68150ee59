use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use tokio::time::advance;

use super::*;
use crate::auth::{
    tests::fake_issuer::{Answer, FakeIssuer},
    verify,
};

/// A key of the issuer and its `kid`.
struct Key(Ed25519KeyPair, &'static str);

fn b64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    fn new(kid: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap(), kid)
    }

    fn sign(&self, header: &str) -> String {
        let message = format!("{}.e30", b64(header.as_bytes()));
        let signature = b64(self.0.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }

    /// A token with the `kid` of the key.
    fn token(&self) -> String {
        self.sign(&format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.1))
    }

    /// A token without `kid`.
    fn token_without_kid(&self) -> String {
        self.sign(r#"{"alg":"EdDSA"}"#)
    }

    fn jwk(&self) -> String {
        let x = b64(self.0.public_key().as_ref());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{}"}}"#, self.1)
    }
}

fn jwks(keys: &[&Key]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn keys(keys: &[&Key]) -> Answer {
    Answer::Keys(jwks(keys))
}

/// A store whose issuer gives these answers in order.
fn store(answers: impl IntoIterator<Item = Answer>) -> (Arc<KeyStore>, Arc<FakeIssuer>) {
    verify::install_provider();
    let issuer = Arc::new(FakeIssuer::new(answers));
    (Arc::new(KeyStore::new(Box::new(issuer.clone()))), issuer)
}

/// The error code, or `ok`.
async fn verify_token(store: &KeyStore, token: &str) -> &'static str {
    let jws = CompactJws::parse(token).unwrap();
    store.verify(&jws, &RequestMetrics::default()).await.map_or_else(|error| error.code(), |()| "ok")
}

/// The outcomes of concurrent requests.
async fn verify_concurrently(store: &Arc<KeyStore>, tokens: Vec<String>) -> Vec<&'static str> {
    let callers: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            let store = store.clone();
            tokio::spawn(async move { verify_token(&store, &token).await })
        })
        .collect();
    let mut codes = Vec::new();
    for caller in callers {
        codes.push(caller.await.unwrap());
    }
    codes
}

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn missing_keys_are_explained_in_the_reason() {
    let (store, _) = store([Answer::Down]);
    let token = Key::new("one").token();
    let jws = CompactJws::parse(&token).unwrap();
    let error = store.verify(&jws, &RequestMetrics::default()).await.unwrap_err();
    assert!(error.reason().contains("the issuer is down"), "{}", error.reason());
}

#[tokio::test(start_paused = true)]
async fn keys_are_cached_for_an_hour() {
    let key = Key::new("one");
    let (store, issuer) = store([keys(&[&key])]);
    for _ in 0..3 {
        assert_eq!(verify_token(&store, &key.token()).await, "ok");
    }
    advance(HOUR - TICK).await;
    assert_eq!(verify_token(&store, &key.token()).await, "ok");
    assert_eq!(issuer.fetches(), 1);
    advance(TICK).await;
    assert_eq!(verify_token(&store, &key.token()).await, "ok");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_unknown_keys_share_one_fetch() {
    let (old, new, never) = (Key::new("old"), Key::new("new"), Key::new("never"));
    let (store, issuer) = store([keys(&[&old]), Answer::Delayed(SECOND, jwks(&[&old, &new]))]);
    assert_eq!(verify_token(&store, &old.token()).await, "ok");
    let codes = verify_concurrently(
        &store,
        vec![new.token(), never.token(), old.token(), new.token(), never.token()],
    )
    .await;
    assert_eq!(codes, ["ok", "token_invalid", "ok", "ok", "token_invalid"]);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_cause_one_fetch_per_cooldown() {
    let (known, unknown) = (Key::new("known"), Key::new("unknown"));
    let (store, issuer) = store([keys(&[&known])]);
    assert_eq!(verify_token(&store, &known.token()).await, "ok");
    for (later, fetches) in [(0, 2), (0, 2), (9_999, 2), (1, 3), (9_999, 3), (1, 4)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(verify_token(&store, &unknown.token()).await, "token_invalid");
        assert_eq!(verify_token(&store, &known.token()).await, "ok");
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_fetches_start_the_cooldown_too() {
    let (known, unknown) = (Key::new("known"), Key::new("unknown"));
    let (store, issuer) = store([keys(&[&known]), Answer::Down]);
    assert_eq!(verify_token(&store, &known.token()).await, "ok");
    for (later, fetches) in [(0, 2), (1_000, 2), (8_999, 2), (1, 3)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(verify_token(&store, &unknown.token()).await, "keys_unavailable");
        assert_eq!(verify_token(&store, &known.token()).await, "ok");
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_key_on_a_cold_cache_costs_one_fetch() {
    let (known, unknown) = (Key::new("known"), Key::new("unknown"));
    let (store, issuer) = store([keys(&[&known])]);
    assert_eq!(verify_token(&store, &unknown.token()).await, "token_invalid");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn invalid_signature_of_a_known_key_costs_no_fetch() {
    let (key, forged) = (Key::new("one"), Key::new("one"));
    let (store, issuer) = store([keys(&[&key])]);
    assert_eq!(verify_token(&store, &key.token()).await, "ok");
    assert_eq!(verify_token(&store, &forged.token()).await, "token_invalid");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_without_kid_survives_a_rotation() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (store, issuer) = store([keys(&[&old]), keys(&[&new])]);
    assert_eq!(verify_token(&store, &old.token_without_kid()).await, "ok");
    assert_eq!(verify_token(&store, &new.token_without_kid()).await, "ok");
    assert_eq!(verify_token(&store, &old.token_without_kid()).await, "token_invalid");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn token_without_kid_is_refused_if_two_keys_fit() {
    let (one, two) = (Key::new("one"), Key::new("two"));
    let (store, issuer) = store([keys(&[&one, &two])]);
    for key in [&one, &two] {
        assert_eq!(verify_token(&store, &key.token_without_kid()).await, "token_invalid");
        assert_eq!(verify_token(&store, &key.token()).await, "ok");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn withdrawn_key_is_refused_after_the_next_fetch() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (store, _) = store([keys(&[&old]), keys(&[&new])]);
    assert_eq!(verify_token(&store, &old.token()).await, "ok");
    advance(HOUR).await;
    assert_eq!(verify_token(&store, &old.token()).await, "token_invalid");
    assert_eq!(verify_token(&store, &new.token()).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn cached_keys_stay_in_use_while_the_issuer_is_down() {
    let (key, forged) = (Key::new("one"), Key::new("one"));
    let (store, issuer) = store([keys(&[&key]), Answer::Down]);
    assert_eq!(verify_token(&store, &key.token()).await, "ok");
    for _ in 0..48 {
        advance(HOUR).await;
        assert_eq!(verify_token(&store, &key.token()).await, "ok");
        assert_eq!(verify_token(&store, &forged.token()).await, "token_invalid");
    }
    assert_eq!(issuer.fetches(), 49);
    let newer = Key::new("newer");
    issuer.set_answer(keys(&[&newer]));
    advance(HOUR).await;
    assert_eq!(verify_token(&store, &newer.token()).await, "ok");
    advance(COOLDOWN).await;
    assert_eq!(verify_token(&store, &key.token()).await, "token_invalid");
}

#[tokio::test(start_paused = true)]
async fn unusable_set_does_not_replace_cached_keys() {
    let key = Key::new("one");
    let (store, issuer) = store([keys(&[&key])]);
    assert_eq!(verify_token(&store, &key.token()).await, "ok");
    for unusable in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, "{}", "<html>"] {
        issuer.set_answer(Answer::Keys(unusable.to_owned()));
        advance(HOUR).await;
        assert!(store.preload().await.is_err(), "{unusable}");
        assert_eq!(verify_token(&store, &key.token()).await, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_share_a_kid_are_all_tried() {
    let keys_of_one_kid: [Key; 5] = std::array::from_fn(|_| Key::new("one"));
    let all: Vec<&Key> = keys_of_one_kid.iter().chain(&keys_of_one_kid[..1]).collect();
    let (store, issuer) = store([keys(&all)]);
    for (index, key) in keys_of_one_kid.iter().enumerate() {
        let expected = if index < 4 { "ok" } else { "token_invalid" };
        assert_eq!(verify_token(&store, &key.token()).await, expected, "key {index}");
        assert_eq!(verify_token(&store, &key.token_without_kid()).await, "token_invalid", "key {index}");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_keys_verify_tokens_with_and_without_kid() {
    let (key, forged) = (Key::new("one"), Key::new("one"));
    let (store, _) = store([keys(&[&key, &key])]);
    for (token, expected) in [
        (key.token(), "ok"),
        (key.token_without_kid(), "ok"),
        (key.sign(r#"{"alg":"Ed25519","kid":"one"}"#), "ok"),
        (forged.token(), "token_invalid"),
        (forged.sign(r#"{"alg":"Ed25519"}"#), "token_invalid"),
    ] {
        assert_eq!(verify_token(&store, &token).await, expected, "{token}");
    }
}

fn token_of_secret(secret: &str) -> String {
    let message = format!("{}.e30", b64(br#"{"alg":"HS256"}"#));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = b64(ring::hmac::sign(&key, message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

#[tokio::test(start_paused = true)]
async fn rotated_secret_is_fetched_with_the_first_token_that_it_signed() {
    let (store, issuer) = store([Answer::Secret("old".to_owned()), Answer::Secret("new".to_owned())]);
    assert_eq!(verify_token(&store, &token_of_secret("old")).await, "ok");
    assert_eq!(verify_token(&store, &token_of_secret("new")).await, "ok");
    assert_eq!(verify_token(&store, &token_of_secret("old")).await, "token_invalid");
    assert_eq!(verify_token(&store, &token_of_secret("guessed")).await, "token_invalid");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn cached_secret_decides_while_the_secret_cannot_be_read() {
    let (store, issuer) = store([Answer::Secret("good".to_owned()), Answer::Down]);
    assert_eq!(verify_token(&store, &token_of_secret("good")).await, "ok");
    assert_eq!(verify_token(&store, &token_of_secret("guessed")).await, "token_invalid");
    assert_eq!(verify_token(&store, &token_of_secret("guessed")).await, "token_invalid");
    assert_eq!(verify_token(&store, &token_of_secret("good")).await, "ok");
    assert_eq!(issuer.fetches(), 2);
}
