//! Connections that die while Lambda freezes an environment, between invocations or during one, fail no request
//! (docs/contract.md, section 8).

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, FakeClock, Gateway, Invocation, ME, Request,
    SecretsManager, Setup, TcpProxy, World, wait_until,
};
use futures_util::future::join_all;
use sandbox::{Config, Fault, Sandbox};
use serde_json::json;
use tokio::time::sleep;

/// A world with a proxy in front of each upstream.
struct ProxiedWorld {
    world: World,
    proxies: [TcpProxy; 3],
}

impl ProxiedWorld {
    async fn start(binary: Binary, configure: impl FnOnce(Setup) -> Setup) -> Self {
        let secrets = SecretsManager::start().await;
        let proxies = [TcpProxy::new(None), TcpProxy::new(None), TcpProxy::to(&secrets.endpoint).await];
        let [calendly, issuer, secrets_manager] = &proxies;
        let public_url = Some(issuer.url.clone());
        let sandbox =
            Sandbox::start(Config { public_url, rate_limit: 100_000, ..Config::default() }).await.unwrap();
        calendly.set_upstream(&sandbox.base_url());
        issuer.set_upstream(&sandbox.base_url());
        let setup = Setup::new(binary)
            .with("JWT_ISSUER", &sandbox.issuer_url())
            .with("CALENDLY_BASE_URL", &calendly.url)
            .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_manager.url);
        let world = configure(setup).spawn_with(sandbox, secrets).await;
        world.function.wait_for_init().await;
        Self { world, proxies }
    }

    /// Freezes the process and closes all of its connections.
    async fn freeze(&self) {
        self.world.function.freeze().await;
        wait_until("the connections to be closed", || {
            (self.proxies.iter().map(TcpProxy::close_all).sum::<usize>() == 0).then_some(())
        })
        .await;
    }

    /// A good request with a token that expires in a year.
    fn request(&self) -> Request {
        let exp = Utc::now().timestamp() + 366 * 24 * 3600;
        let request = self.world.request_with_claims(json!({"exp": exp}));
        match self.world.binary {
            Binary::CheckAvailability => request.days(20, 21),
            _ => request,
        }
    }

    /// Sends a request to a frozen process whose clock has this offset, and thaws it.
    async fn send_and_thaw(&self, offset: Duration) -> Answer {
        let deadline = SystemTime::now() + offset + Duration::from_secs(20);
        let invocation = Invocation::new(&self.request().through(Gateway::HttpApi)).with_deadline(deadline);
        let function = &self.world.function;
        let (outcome, ()) = tokio::join!(function.invoke(invocation), function.thaw());
        Answer::from_outcome(outcome)
    }

    /// Checks that a request over dead connections succeeded without a counted retry or error.
    async fn assert_unaffected(&self, answer: &Answer, case: &str) {
        answer.assert_ok(case);
        let line = self.world.log_line(&answer.request_id).await;
        assert_eq!(line["calendly_retries"], 0, "{case}: {line}");
        assert_eq!(line["CalendlyErrors"].as_f64(), Some(0.0), "{case}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_during_a_call_is_survived() {
    // Freezes shorter and longer than the time-out of a call to Calendly.
    let cases = [
        (Binary::User, ME, "5000", 200),
        (Binary::User, ME, "500", 900),
        (Binary::UserEventTypes, EVENT_TYPES, "500", 900),
        (Binary::CheckAvailability, AVAILABLE_TIMES, "500", 900),
        (Binary::User, "/issuer/jwks", "5000", 200),
    ];
    join_all(cases.map(async |(binary, path, timeout_ms, milliseconds)| {
        let frozen = ProxiedWorld::start(binary, |setup| setup.with("CALENDLY_TIMEOUT_MS", timeout_ms)).await;
        let world = &frozen.world;
        // The key of the token is not cached.
        world.sandbox.rotate_keys();
        world.sandbox.forget_calls();
        world.sandbox.fault(path, 1, Fault::Delay { milliseconds: 400 });
        let interruption = async {
            wait_until("the call", || (!world.calls_of(path).is_empty()).then_some(())).await;
            frozen.freeze().await;
            sleep(Duration::from_millis(milliseconds)).await;
            world.function.thaw().await;
        };
        let request = frozen.request();
        let (answer, ()) = tokio::join!(world.send(&request), interruption);
        answer.assert_ok(format!("{path}, {milliseconds} ms"));
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_connections_are_replaced_after_freezes_of_hours() {
    const HOUR: Duration = Duration::from_secs(3600);
    let cases = Binary::WITH_GET_ROUTE.into_iter().flat_map(|binary| [(binary, false), (binary, true)]);
    join_all(cases.map(async |(binary, is_monotonic)| {
        let clock = FakeClock::new();
        let variables = clock.variables(is_monotonic);
        let frozen =
            ProxiedWorld::start(binary, |setup| setup.with("CALENDLY_MAX_RETRIES", "0").with_all(variables))
                .await;
        for offset in [Duration::ZERO, HOUR / 60, HOUR, 30 * HOUR] {
            frozen.freeze().await;
            clock.set_offset(offset);
            if offset == HOUR {
                frozen.world.sandbox.rotate_keys();
            }
            let answer = frozen.send_and_thaw(offset).await;
            let case = format!("{binary:?}, {offset:?}, {is_monotonic}");
            frozen.assert_unaffected(&answer, &case).await;
            let line = frozen.world.log_line(&answer.request_id).await;
            let timestamp = DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
            let ahead = (timestamp.to_utc() - Utc::now()).num_seconds();
            assert!(
                (ahead - offset.as_secs() as i64).abs() < 30,
                "{case}: the clock is {ahead} s ahead: {line}"
            );
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_during_a_read_of_the_secret_is_survived() {
    let frozen = ProxiedWorld::start(Binary::User, |setup| setup.with("PAT_CACHE_SECONDS", "0")).await;
    let reads = frozen.world.secrets.reads();
    frozen.world.secrets.set_fault(Fault::Delay { milliseconds: 400 });
    let request = frozen.request();
    let interruption = async {
        wait_until("the read", || (frozen.world.secrets.reads() > reads).then_some(())).await;
        frozen.freeze().await;
        frozen.world.secrets.clear_faults();
        sleep(Duration::from_millis(200)).await;
        frozen.world.function.thaw().await;
    };
    let (answer, ()) = tokio::join!(frozen.world.send(&request), interruption);
    answer.assert_ok("");
}
