//! Every connection of an environment dies while it is frozen, between its invocations and in the middle of
//! them, and hours pass: no request fails of it.
#![cfg(test)]

use std::time::{Duration, SystemTime};

use end_to_end::{
    Answer, Binary, Gateway, Invocation, MovedClock, Relay, Request, SecretsManager, Setup, Trouble, World,
    day, until,
};
use sandbox::{Algorithm, Config, DEFAULT_PAT, Fault, Mint, Sandbox};
use serde_json::json;
use tokio::time::sleep;

/// The secret of one test; names are the process's.
fn secret_id(test: &str) -> String {
    format!("thawed/{test}")
}

/// A world all of whose upstreams can be cut off.
struct Cut {
    world: World,
    secrets: SecretsManager,
    calendly: Relay,
    issuer: Relay,
    secrets_manager: Relay,
}

impl Cut {
    async fn start(test: &str, setup: Setup) -> Self {
        let secrets = SecretsManager::start().await;
        secrets.store(&secret_id(test), DEFAULT_PAT).await;
        let secrets_manager = Relay::to(&secrets.endpoint).await;
        let [calendly, issuer] = [Relay::new(None), Relay::new(None)];
        let config =
            Config { public_url: Some(issuer.url.clone()), rate_limit: 100_000, ..Config::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        calendly.lead_to(&sandbox.base_url());
        issuer.lead_to(&sandbox.base_url());
        let setup = setup
            .with_default("CALENDLY_PAT_SECRET_ID", &secret_id(test))
            .with("CALENDLY_BASE_URL", &calendly.url)
            .with_default("JWT_ISSUER", &sandbox.issuer_url())
            .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_manager.url);
        let world = setup.spawn_with(sandbox).await;
        world.function.wait_for_init().await;
        Self { world, secrets, calendly, issuer, secrets_manager }
    }

    /// Stops the process and closes all of its connections. They are gone when this returns.
    async fn freeze(&self) {
        self.world.function.freeze().await;
        let ways = [&self.calendly, &self.issuer, &self.secrets_manager];
        until("the cut connections to be gone", || {
            (ways.map(Relay::cut).iter().sum::<usize>() == 0).then_some(())
        })
        .await;
    }

    /// Stops the process and lets all of its connections die without a sign of it.
    async fn freeze_unseen(&self) {
        self.world.function.freeze().await;
        [&self.calendly, &self.issuer, &self.secrets_manager].into_iter().for_each(Relay::doom);
    }

    async fn thaw(&self) {
        self.world.function.thaw().await;
    }

    /// A good request, which no clock makes too old, and a range that no clock makes past.
    fn request(&self) -> Request {
        let in_a_year = chrono::Utc::now().timestamp() + 366 * 24 * 3600;
        let claims = json!({"exp": in_a_year}).as_object().unwrap().clone();
        let token = self.world.sandbox.mint(Mint { claims, ..Mint::default() });
        let request = Request::get(self.world.binary.path()).bearer(&token);
        let (start, end) = (day(20).to_string(), day(21).to_string());
        match self.world.binary {
            Binary::CheckAvailability => request.query(&[("start_time", &*start), ("end_time", &end)]),
            _ => request,
        }
    }

    async fn send(&self, request: &Request) -> Answer {
        self.send_ahead(request, Duration::ZERO).await
    }

    /// For a process whose clock is this far ahead.
    async fn send_ahead(&self, request: &Request, ahead: Duration) -> Answer {
        let deadline = SystemTime::now() + ahead + Duration::from_secs(20);
        let invocation = Invocation::new(&request.through(Gateway::HttpApi)).with_deadline(deadline);
        Answer::of(self.world.function.invoke(invocation).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_invocations() {
    for binary in Binary::ALL {
        let setup = Setup::of(binary).with("PAT_CACHE_SECONDS", "1").with("EVENT_TYPE_CACHE_SECONDS", "1");
        let cut = Cut::start(&format!("between/{}", binary.name()), setup).await;
        for round in 0..6 {
            cut.freeze().await;
            if round % 2 == 1 {
                // Longer than the PAT is kept, so that it is read again after the thaw.
                sleep(Duration::from_millis(1_100)).await;
            }
            if round == 3 {
                cut.world.sandbox.rotate_keys();
            }
            let request = cut.request();
            let (answer, ()) = tokio::join!(cut.send(&request), cut.thaw());
            assert_eq!(answer.status, 200, "{binary:?}, round {round}: {}", answer.body);
            let line = cut.world.end_line(&answer.request_id).await;
            assert_eq!(line["calendly_retries"], 0, "{binary:?}, round {round}: {line}");
            assert_eq!(line["CalendlyErrors"].as_f64(), Some(0.0), "{binary:?}, round {round}: {line}");
        }
        assert!(cut.secrets.reads().len() >= 3, "the PAT was read again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_warm_ups_and_requests() {
    for binary in Binary::ALL {
        let setup = Setup::of(binary).with("PAT_CACHE_SECONDS", "1");
        let cut = Cut::start(&format!("warm-ups/{}", binary.name()), setup).await;
        for round in 0..3 {
            cut.freeze().await;
            sleep(Duration::from_millis(1_100)).await;
            let warmer = json!({"warmer": true});
            let (outcome, ()) = tokio::join!(cut.world.invoke(&warmer), cut.thaw());
            let answer = outcome.result.unwrap();
            assert_eq!(answer.get("unprepared"), None, "{binary:?}, round {round}: {answer}");
            cut.freeze().await;
            let request = cut.request();
            let (answer, ()) = tokio::join!(cut.send(&request), cut.thaw());
            assert_eq!(answer.status, 200, "{binary:?}, round {round}: {}", answer.body);
        }
    }
}

/// A warm-up opens a connection beside the dead ones of the pool.
#[tokio::test(flavor = "multi_thread")]
async fn before_a_warm_up_and_a_request() {
    for binary in Binary::ALL {
        let setup = Setup::of(binary).with("CALENDLY_MAX_RETRIES", "0").with("EVENT_TYPE_CACHE_SECONDS", "0");
        let cut = Cut::start(&format!("unseen/{}", binary.name()), setup).await;
        assert_eq!(cut.send(&cut.request()).await.status, 200);
        cut.freeze_unseen().await;
        sleep(Duration::from_millis(1_100)).await;
        let warmer = json!({"warmer": true});
        let (outcome, ()) = tokio::join!(cut.world.invoke(&warmer), cut.thaw());
        assert_eq!(outcome.result.unwrap().get("unprepared"), None, "{binary:?}");
        let answer = cut.send(&cut.request()).await;
        assert_eq!(answer.status, 200, "{binary:?}: {}", answer.body);
        let line = cut.world.end_line(&answer.request_id).await;
        assert_eq!(line["CalendlyErrors"].as_f64(), Some(0.0), "{binary:?}: {line}");
    }
}

/// Init reads in parallel, so several connections to Secrets Manager are open, and all of them die.
#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_read_of_a_callers_secret() {
    const SECRET: &str = "a secret of at least 32 bytes, as RFC 7518 asks";
    let id = secret_id("first read");
    let secrets = SecretsManager::start().await;
    for (name, value) in [("jwt", SECRET), ("key", SECRET), ("robin", DEFAULT_PAT)] {
        secrets.store(&format!("{id}/{name}"), value).await;
    }
    let setup = Setup::of(Binary::User)
        .without("JWT_ISSUER")
        .with("JWT_SECRET_ID", &format!("{id}/jwt"))
        .with("CALLER_HASH_SECRET_ID", &format!("{id}/key"))
        .with("CALENDLY_PAT_SECRET_ID", &format!("{id}/{{sub}}"));
    let cut = Cut::start("first read", setup).await;
    cut.freeze_unseen().await;
    sleep(Duration::from_millis(1_100)).await;
    let claims = json!({"sub": "robin"}).as_object().unwrap().clone();
    let mint = Mint { algorithm: Algorithm::Hs256, secret: SECRET.to_owned(), claims, ..Mint::default() };
    let request = Request::get("/calendly/user").bearer(&cut.world.sandbox.mint(mint));
    let (answer, ()) = tokio::join!(cut.send(&request), cut.thaw());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(cut.secrets.reads().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_call_of_calendly() {
    for (binary, path) in [
        (Binary::User, "/users/me"),
        (Binary::UserEventTypes, "/event_types"),
        (Binary::CheckAvailability, "/event_types"),
        (Binary::CheckAvailability, "/event_type_available_times"),
    ] {
        // Also when it is frozen for longer than a call may take.
        for (timeout_ms, frozen_ms) in [("5000", 200), ("500", 900)] {
            let setup = Setup::of(binary).with("CALENDLY_TIMEOUT_MS", timeout_ms);
            let test = format!("calendly/{}{path}/{frozen_ms}", binary.name());
            let cut = Cut::start(&test, setup).await;
            cut.world.sandbox.fault(path, 1, Fault::Delay { milliseconds: 400 });
            let request = cut.request();
            let interrupted = async {
                let sandbox = &cut.world.sandbox;
                until("the call", || sandbox.calls().iter().any(|call| call.path == path).then_some(()))
                    .await;
                cut.freeze().await;
                sleep(Duration::from_millis(frozen_ms)).await;
                cut.thaw().await;
            };
            let (answer, ()) = tokio::join!(cut.send(&request), interrupted);
            assert_eq!(answer.status, 200, "{path}, {frozen_ms} ms: {}", answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_read_of_the_secret() {
    let cut = Cut::start("secret", Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "0")).await;
    assert_eq!(cut.send(&cut.request()).await.status, 200);
    let reads = cut.secrets.reads().len();
    cut.secrets.trouble(Trouble::Slow(Duration::from_millis(400)));
    let request = cut.request();
    let interrupted = async {
        until("the read", || (cut.secrets.reads().len() > reads).then_some(())).await;
        cut.freeze().await;
        cut.secrets.trouble(Trouble::None);
        sleep(Duration::from_millis(200)).await;
        cut.thaw().await;
    };
    let (answer, ()) = tokio::join!(cut.send(&request), interrupted);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_fetch_of_the_issuers_keys() {
    for path in ["/issuer/jwks", "/issuer/.well-known/openid-configuration"] {
        let cut = Cut::start(&format!("keys{path}"), Setup::of(Binary::User)).await;
        assert_eq!(cut.send(&cut.request()).await.status, 200);
        cut.world.sandbox.rotate_keys();
        cut.world.sandbox.forget_calls();
        cut.world.sandbox.fault(path, 1, Fault::Delay { milliseconds: 400 });
        let request = cut.request();
        let interrupted = async {
            let sandbox = &cut.world.sandbox;
            until("the fetch", || sandbox.calls().iter().any(|call| call.path == path).then_some(())).await;
            cut.freeze().await;
            sleep(Duration::from_millis(200)).await;
            cut.thaw().await;
        };
        let (answer, ()) = tokio::join!(cut.send(&request), interrupted);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_later() {
    const HOUR: Duration = Duration::from_secs(3600);
    for binary in Binary::ALL {
        for is_monotonic in [false, true] {
            let clock = MovedClock::new();
            let mut setup = Setup::of(binary);
            for (name, value) in clock.variables(is_monotonic) {
                setup = setup.with(name, value);
            }
            let test = format!("hours/{}/{is_monotonic}", binary.name());
            let cut = Cut::start(&test, setup).await;
            for ahead in [Duration::ZERO, HOUR / 60, HOUR, 5 * HOUR, 30 * HOUR] {
                cut.freeze().await;
                clock.move_ahead_by(ahead);
                if ahead == 5 * HOUR {
                    cut.world.sandbox.rotate_keys();
                }
                let request = cut.request();
                let (answer, ()) = tokio::join!(cut.send_ahead(&request, ahead), cut.thaw());
                assert_eq!(answer.status, 200, "{binary:?}, {ahead:?}, {is_monotonic}: {}", answer.body);
                let line = cut.world.end_line(&answer.request_id).await;
                assert_eq!(line["calendly_retries"], 0, "{binary:?}, {ahead:?}, {is_monotonic}: {line}");
                let said = line["timestamp"].as_str().unwrap();
                let said = chrono::DateTime::parse_from_rfc3339(said).unwrap().to_utc();
                let moved = said - chrono::Utc::now();
                assert!(
                    (moved.num_seconds() - ahead.as_secs() as i64).abs() < 30,
                    "the clock was not moved: {line}"
                );
            }
        }
    }
}
