use std::sync::Arc;

use tokio::time::advance;

use super::*;
use crate::auth::{
    tests::{
        fake_issuer::{Answer, FakeIssuer},
        signing_key::{SigningKey, jwks},
    },
    verify,
};

const HOUR: Duration = Duration::from_hours(1);
const TICK: Duration = Duration::from_millis(1);

fn keys(keys: &[&SigningKey]) -> Answer {
    Answer::Keys(jwks(keys))
}

/// A store whose issuer gives these answers in order.
fn store(answers: impl IntoIterator<Item = Answer>) -> (KeyStore, Arc<FakeIssuer>) {
    verify::install_provider();
    let issuer = Arc::new(FakeIssuer::new(answers));
    (KeyStore::new(Box::new(issuer.clone())), issuer)
}

/// The error code for a token that `key` signed, or `ok`.
async fn verify_header(store: &KeyStore, key: &SigningKey, header: &str) -> &'static str {
    let token = key.sign(header, "{}");
    let jws = CompactJws::parse(&token).unwrap();
    store.verify(&jws, &RequestMetrics::default()).await.map_or_else(|error| error.code(), |()| "ok")
}

/// Verifies a token with the `kid` of the key.
async fn verify(store: &KeyStore, key: &SigningKey) -> &'static str {
    verify_header(store, key, &format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, key.kid)).await
}

async fn verify_without_kid(store: &KeyStore, key: &SigningKey) -> &'static str {
    verify_header(store, key, r#"{"alg":"EdDSA"}"#).await
}

#[tokio::test(start_paused = true)]
async fn keys_are_cached_for_an_hour() {
    let key = SigningKey::new("one");
    let (store, issuer) = store([keys(&[&key])]);
    for (later, fetches) in [(Duration::ZERO, 1), (HOUR - TICK, 1), (TICK, 2)] {
        advance(later).await;
        assert_eq!(verify(&store, &key).await, "ok");
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_cause_one_fetch_per_cooldown() {
    let (known, unknown) = (SigningKey::new("known"), SigningKey::new("unknown"));
    let (store, issuer) = store([keys(&[&known])]);
    assert_eq!(verify(&store, &known).await, "ok");
    for (later, fetches) in [(0, 2), (0, 2), (9_999, 2), (1, 3), (9_999, 3), (1, 4)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(verify(&store, &unknown).await, "token_invalid");
        assert_eq!(verify(&store, &known).await, "ok");
        assert_eq!(issuer.fetches(), fetches);
    }
    issuer.set_answer(Answer::Down);
    advance(COOLDOWN).await;
    assert_eq!(verify(&store, &unknown).await, "keys_unavailable");
}

#[tokio::test(start_paused = true)]
async fn unknown_key_on_a_cold_cache_costs_one_fetch() {
    let (store, issuer) = store([keys(&[&SigningKey::new("known")])]);
    assert_eq!(verify(&store, &SigningKey::new("unknown")).await, "token_invalid");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_keys_with_the_kid_are_tried_before_a_signature_is_refused_without_a_fetch() {
    let [one, another, forged] = ["one"; 3].map(SigningKey::new);
    let (store, issuer) = store([keys(&[&one, &another])]);
    for (key, expected) in [(&one, "ok"), (&another, "ok"), (&forged, "token_invalid")] {
        assert_eq!(verify(&store, key).await, expected);
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_without_kid_is_refused_if_two_keys_fit() {
    let (one, two) = (SigningKey::new("one"), SigningKey::new("two"));
    let (store, issuer) = store([keys(&[&one, &two])]);
    for key in [&one, &two] {
        assert_eq!(verify_without_kid(&store, key).await, "token_invalid");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_without_kid_survives_a_rotation() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let (store, issuer) = store([keys(&[&old]), keys(&[&new])]);
    assert_eq!(verify_without_kid(&store, &old).await, "ok");
    assert_eq!(verify_without_kid(&store, &new).await, "ok");
    assert_eq!(verify_without_kid(&store, &old).await, "token_invalid");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_only_cached_key_decides_while_the_issuer_is_down() {
    let (good, forged) = (SigningKey::new("one"), SigningKey::new("two"));
    let (store, issuer) = store([keys(&[&good]), Answer::Down]);
    for (key, expected) in
        [(&good, "ok"), (&forged, "token_invalid"), (&forged, "token_invalid"), (&good, "ok")]
    {
        assert_eq!(verify_without_kid(&store, key).await, expected);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn cached_keys_stay_in_use_while_the_issuer_is_down() {
    let (key, newer) = (SigningKey::new("one"), SigningKey::new("newer"));
    let (store, issuer) = store([keys(&[&key]), Answer::Down]);
    assert_eq!(verify(&store, &key).await, "ok");
    for _ in 0..48 {
        advance(HOUR).await;
        assert_eq!(verify(&store, &key).await, "ok");
    }
    assert_eq!(issuer.fetches(), 49);
    issuer.set_answer(keys(&[&newer]));
    advance(HOUR).await;
    assert_eq!(verify(&store, &newer).await, "ok");
    advance(COOLDOWN).await;
    assert_eq!(verify(&store, &key).await, "token_invalid");
}

#[tokio::test(start_paused = true)]
async fn missing_keys_are_explained_in_the_reason() {
    let (store, _) = store([Answer::Down]);
    let token = SigningKey::new("one").sign(r#"{"alg":"EdDSA"}"#, "{}");
    let jws = CompactJws::parse(&token).unwrap();
    let error = store.verify(&jws, &RequestMetrics::default()).await.unwrap_err();
    assert_eq!((error.code(), error.reason().as_str()), ("keys_unavailable", "the issuer is down."));
}
