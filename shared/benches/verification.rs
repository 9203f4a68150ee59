//! How long it takes to verify a token of each algorithm, from the header's value to the caller:
//! `cargo bench -p shared`.

#![expect(clippy::expect_used, reason = "what fails here fails the benchmark")]

use std::{collections::BTreeMap, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::bench::Verification;

/// The good and the forged tokens that the unit tests take.
#[derive(Deserialize)]
struct Fixture {
    issuer: String,
    audience: String,
    secret: String,
    jwks: Box<RawValue>,
    tokens: BTreeMap<String, Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    good: String,
    forged: String,
}

fn verification(criterion: &mut Criterion) {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../src/auth/tests/fixtures/tokens.json")).expect("a fixture");
    let Fixture { issuer, audience, secret, jwks, tokens } = fixture;
    let published =
        Verification::with_published_keys(jwks.get(), &issuer, &audience).expect("keys that can be used");
    let shared_secret = Verification::with_shared_secret(&secret, &audience);
    for (algorithm, Tokens { good, forged }) in &tokens {
        let verification = if algorithm.starts_with("HS") { &shared_secret } else { &published };
        let mut group = criterion.benchmark_group(algorithm);
        for (kind, token, is_good) in [("good", good, true), ("forged", forged, false)] {
            let authorization = format!("Bearer {token}");
            assert_eq!(verification.accepts(&authorization), is_good, "{algorithm} {kind}");
            group.bench_function(kind, |bencher| {
                bencher.iter(|| verification.accepts(black_box(&authorization)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, verification);
criterion_main!(benches);
