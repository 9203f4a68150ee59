//! Whatever is done to a good token, it is not accepted any more, and nothing panics.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::{collection::vec, prelude::*, sample::Index};
use sandbox::{Algorithm, Config, Mint, Sandbox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Answer, Authenticator, authenticate, authenticator, is_invalid};
use crate::http::{HttpClient, Tls};

const SECRET: &str = "a secret of at least 32 bytes, as RFC 7518 asks";

fn algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::PUBLISHED.into_iter().chain([Algorithm::Hs256])
}

/// The sandbox's issuer with its real keys, and a good token of every algorithm.
struct World {
    runtime: Runtime,
    published: Authenticator,
    shared_secret: Authenticator,
    tokens: Vec<(Algorithm, String)>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (issuer, jwks, tokens) = runtime.block_on(async {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        let jwks = http.send(http.get(&format!("{}/issuer/jwks", sandbox.base_url()))).await.unwrap();
        let mint = |algorithm| {
            let token = sandbox.mint(Mint { algorithm, secret: SECRET.to_owned(), ..Mint::default() });
            (algorithm, token)
        };
        (sandbox.issuer_url(), jwks.text().await.unwrap(), algorithms().map(mint).collect())
    });
    World {
        runtime,
        published: authenticator(Some(&issuer), "calendly-functions", Answer::Keys(jwks)),
        shared_secret: authenticator(None, "calendly-functions", Answer::Secret(SECRET.to_owned())),
        tokens,
    }
});

impl World {
    fn authenticator(&self, algorithm: Algorithm) -> &Authenticator {
        if algorithm == Algorithm::Hs256 { &self.shared_secret } else { &self.published }
    }

    fn accepts(&self, algorithm: Algorithm, token: &str) -> bool {
        self.runtime.block_on(authenticate(self.authenticator(algorithm), token)).is_ok()
    }

    fn refuses(&self, algorithm: Algorithm, token: &str) -> bool {
        is_invalid(&self.runtime.block_on(authenticate(self.authenticator(algorithm), token)))
    }
}

/// What is done to the text of a token.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, char),
    Insert(Index, String),
    Delete(Index, usize),
    Duplicate(Index, usize),
    Swap(Index, Index),
    Truncate(Index),
    SwapParts(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    // What tokens are made of, and what they are not.
    let character = prop_oneof![4 => prop::char::ranges(vec!['A'..='Z', 'a'..='z', '0'..='9', '-'..='.', '_'..='_'].into()), 1 => any::<char>()];
    prop_oneof![
        4 => (index(), character).prop_map(|(at, character)| Edit::Replace(at, character)),
        2 => (index(), "[A-Za-z0-9_.=, -]{1,8}").prop_map(|(at, text)| Edit::Insert(at, text)),
        2 => (index(), 1..40usize).prop_map(|(at, count)| Edit::Delete(at, count)),
        1 => (index(), 1..40usize).prop_map(|(at, count)| Edit::Duplicate(at, count)),
        1 => (index(), index()).prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => index().prop_map(Edit::Truncate),
        1 => (0..3usize, 0..3usize).prop_map(|(one, other)| Edit::SwapParts(one, other)),
    ]
}

impl Edit {
    fn apply(&self, token: &str) -> String {
        let mut characters: Vec<char> = token.chars().collect();
        let length = characters.len();
        if length == 0 {
            return String::new();
        }
        match self {
            Self::Replace(at, character) => characters[at.index(length)] = *character,
            Self::Insert(at, text) => {
                let at = at.index(length + 1);
                characters.splice(at..at, text.chars());
            }
            Self::Delete(at, count) => {
                let at = at.index(length);
                characters.drain(at..length.min(at + count));
            }
            Self::Duplicate(at, count) => {
                let at = at.index(length);
                let copy = characters[at..length.min(at + count)].to_vec();
                characters.splice(at..at, copy);
            }
            Self::Swap(one, other) => characters.swap(one.index(length), other.index(length)),
            Self::Truncate(at) => characters.truncate(at.index(length)),
            Self::SwapParts(one, other) => {
                let mut parts: Vec<&str> = token.split('.').collect();
                if *one.max(other) < parts.len() {
                    parts.swap(*one, *other);
                }
                return parts.join(".");
            }
        }
        characters.into_iter().collect()
    }
}

/// A member of a header or of the claims that means something to some verifier.
fn member() -> impl Strategy<Value = (&'static str, Value)> {
    let name = prop::sample::select(vec![
        "alg",
        "kid",
        "typ",
        "cty",
        "crit",
        "b64",
        "jwk",
        "jku",
        "x5u",
        "x5c",
        "zip",
        "iss",
        "aud",
        "sub",
        "exp",
        "nbf",
        "client_id",
        "token_use",
        "scope",
    ]);
    let value = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({"kty": "oct", "k": ""})),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "none",
            "None",
            "HS256",
            "RS256",
            "PS256",
            "ES256",
            "EdDSA",
            "rsa-any-algorithm",
            "ec-p256",
            "at+jwt",
            "calendly-functions",
            "../../dev/null",
            "' OR 1=1 --",
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    (name, value)
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

#[test]
fn the_tokens_that_are_mutated_are_good() {
    for (algorithm, token) in &WORLD.tokens {
        assert!(WORLD.accepts(*algorithm, token), "{algorithm:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edited_token_is_accepted(which in 0..WORLD.tokens.len(), edits in vec(edit(), 1..4)) {
        let (algorithm, good) = &WORLD.tokens[which];
        let edited = edits.iter().fold(good.clone(), |token, edit| edit.apply(&token));
        // Blanks around a token are not part of it.
        prop_assume!(edited.trim_matches([' ', '\t']) != good);
        prop_assert!(!WORLD.accepts(*algorithm, &edited), "{edited}");
    }

    #[test]
    fn no_token_with_another_header_or_other_claims_is_accepted(
        which in 0..WORLD.tokens.len(),
        in_header in any::<bool>(),
        members in vec(member(), 1..4),
    ) {
        let (algorithm, good) = &WORLD.tokens[which];
        let parts: Vec<&str> = good.split('.').collect();
        let index = usize::from(!in_header);
        let mut changed = decoded(parts[index]);
        for (name, value) in members {
            changed[name] = value;
        }
        prop_assume!(changed != decoded(parts[index]));
        let mut other = parts.clone();
        let changed = encoded(&changed);
        other[index] = &changed;
        prop_assert!(WORLD.refuses(*algorithm, &other.join(".")), "{other:?}");
        // Nor without a signature, or with one of another token.
        let unsigned = [other[0], other[1], ""].join(".");
        prop_assert!(WORLD.refuses(*algorithm, &unsigned), "unsigned");
        let (_, another) = &WORLD.tokens[(which + 1) % WORLD.tokens.len()];
        let transplanted = unsigned + another.rsplit_once('.').unwrap().1;
        prop_assert!(WORLD.refuses(*algorithm, &transplanted), "with another token's signature");
    }

    #[test]
    fn nothing_at_all_is_a_token(text in "\\PC{0,200}") {
        for authenticator in [&WORLD.published, &WORLD.shared_secret] {
            prop_assert!(WORLD.runtime.block_on(authenticate(authenticator, &text)).is_err());
        }
    }
}
