//! One cell of the matrix.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use sandbox::{Account, Config, Mint, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    fault::{FaultCase, Injection},
    upstream::{PAT, Service, Upstream},
};
use crate::{
    Answer, Authority, Binary, Certificate, ControlGroup, Extremes, Function, Invocation, Request,
    SMALLEST_MEMORY, SecretsManager, Setup, TIMEOUT, Table, TcpProxy, World, day, json_object,
};

const CALLERS: [&str; 2] = ["ann", "ben"];

/// The deadline of each invocation.
const DEADLINE: Duration = Duration::from_secs(5);

/// The time that must be left before the deadline. Unoptimized code may need almost all of it on a busy machine.
const MARGIN: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1 } else { 250 });

/// When the fault begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before init; the first event is a request.
    Cold,
    /// After a good request.
    Warm,
    /// Before init; the first event is a warm-up.
    WarmUp,
}

impl Phase {
    pub(crate) const ALL: [Self; 3] = [Self::Cold, Self::Warm, Self::WarmUp];
}

/// A fault of an upstream in a phase.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The failing upstream.
    pub upstream: Upstream,
    /// The function under test.
    pub binary: Binary,
    /// The fault.
    pub case: FaultCase,
    /// When it begins.
    pub phase: Phase,
}

/// The status and code of the answer to the affected request; `None` for a warm-up.
pub(crate) type CellAnswer = Option<(u16, String)>;

/// The setup that all cells share.
#[derive(Debug)]
pub struct SharedSetup {
    authority: Authority,
    is_confined: bool,
    /// The extremes of all cells.
    pub extremes: Extremes,
}

impl SharedSetup {
    /// Creates the shared setup. With `is_confined`, processes have the resources of Lambda's smallest functions.
    pub fn new(is_confined: bool) -> Self {
        let authority = Authority::new(&std::env::temp_dir());
        Self { authority, is_confined, extremes: Extremes::default() }
    }
}

/// What stands between the function and the failing upstream.
struct FaultInjector<'a> {
    cell: &'a Cell,
    authority: &'a Authority,
    table: Table,
    /// In front of the failing server, for faults of the whole server.
    proxy: TcpProxy,
}

/// The world of one cell.
struct CellWorld<'a> {
    cell: &'a Cell,
    extremes: &'a Extremes,
    world: World,
    injector: FaultInjector<'a>,
    requests: AtomicU64,
}

impl Cell {
    /// Runs the cell; panics if the contract is broken.
    pub(crate) async fn run(&self, shared: &SharedSetup) -> CellAnswer {
        let group = shared.is_confined.then(|| ControlGroup::new(true).expect("a control group"));
        let cell = CellWorld::start(self, shared, group.as_ref()).await;
        let (world, injector) = (&cell.world, &cell.injector);
        let service = self.upstream.service();
        let known_token = cell.token(CALLERS[0]);
        let mut token = known_token.clone();
        let mut answer = None;
        match self.phase {
            Phase::WarmUp => cell.warm_up().await,
            Phase::Cold => answer = Some(cell.affected_request(&token).await),
            Phase::Warm => {
                cell.good_request(&known_token).await;
                if service == Service::Issuer {
                    world.sandbox.rotate_keys();
                }
                token = cell.token(CALLERS[1]);
                injector.inject(&world.sandbox, &world.secrets).await;
                answer = Some(cell.affected_request(&token).await);
            }
        }
        // Cached keys and PATs are used while their source is down.
        let is_unavailable = service != Service::Calendly && matches!(answer, Some((503, _)));
        if self.phase == Phase::Warm && is_unavailable {
            cell.good_request(&known_token).await;
        }
        injector.clear(world);
        // A failed fetch of keys is followed by a cool-down.
        let next_token = if service == Service::Issuer && is_unavailable { &known_token } else { &token };
        cell.recovers(next_token).await;
        let peak = world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
        shared.extremes.record_memory(peak);
        world.function.kill().await;
        assert_eq!(group.map_or(0, |group| group.oom_kills()), 0);
        assert_no_secret_in_log(&world.function, &[known_token, token]);
        answer
    }

    fn affects_whole_server(&self) -> bool {
        !matches!(self.case.injection, Injection::Call(_))
    }
}

impl FaultInjector<'_> {
    async fn inject(&self, sandbox: &Sandbox, secrets: &SecretsManager) {
        match &self.cell.case.injection {
            Injection::Call(fault) => match self.cell.upstream.service() {
                Service::SecretsManager => secrets.set_fault(fault.clone()),
                Service::DynamoDb => self.table.set_fault(fault.clone()),
                Service::Calendly | Service::Issuer => {
                    let path = self.cell.upstream.path(&event_type(sandbox)).to_owned();
                    sandbox.fault(&path, u32::MAX, fault.clone());
                }
            },
            Injection::ConnectionRefused => self.proxy.refuse().await,
            Injection::Certificate(certificate) => self.proxy.set_certificate(self.authority, *certificate),
        }
        self.proxy.close_all();
    }

    fn clear(&self, world: &World) {
        match &self.cell.case.injection {
            Injection::Call(_) => {
                world.sandbox.clear_faults();
                world.secrets.clear_faults();
                self.table.clear_faults();
            }
            Injection::ConnectionRefused => self.proxy.accept(),
            Injection::Certificate(_) => self.proxy.set_certificate(self.authority, Certificate::Good),
        }
    }
}

impl<'a> CellWorld<'a> {
    /// Starts the function, with the fault unless the phase is `Warm`.
    async fn start(cell: &'a Cell, shared: &'a SharedSetup, group: Option<&ControlGroup>) -> Self {
        let authority = &shared.authority;
        let service = cell.upstream.service();
        let proxy =
            TcpProxy::new(matches!(cell.case.injection, Injection::Certificate(_)).then_some(authority));
        let is_discovery = cell.upstream == Upstream::Discovery && cell.affects_whole_server();
        let sandbox = Sandbox::start(Config {
            rate_limit: 100_000,
            pats: vec![Account::new(PAT)],
            public_url: is_discovery.then(|| proxy.url.clone()),
            ..Config::default()
        });
        let sandbox = sandbox.await.expect("the sandbox starts");
        let secrets = SecretsManager::start().await;
        let table = Table::start().await;
        let sandbox_url = sandbox.base_url();
        proxy.set_upstream(match service {
            Service::Calendly | Service::Issuer => &sandbox_url,
            Service::SecretsManager => &secrets.endpoint,
            Service::DynamoDb => &table.endpoint,
        });
        let proxied = |of: Service, url: &str| {
            if cell.affects_whole_server() && service == of { proxy.url.clone() } else { url.to_owned() }
        };
        // Large bodies need time on a busy machine; hanging calls should time out early.
        let timeout_ms = if service == Service::Calendly && cell.case.hangs() { "500" } else { "4000" };
        let mut setup = Setup::new(cell.binary)
            .secret(Some(PAT))
            .with("CALENDLY_BASE_URL", &proxied(Service::Calendly, &sandbox_url))
            .with("CALENDLY_TIMEOUT_MS", timeout_ms)
            .with("CALENDLY_MAX_RETRIES", "1")
            .with("JWT_ISSUER", &sandbox.issuer_url())
            .with("AWS_CA_BUNDLE", authority.bundle());
        for caller in CALLERS {
            setup = setup.other_secret(caller, PAT);
        }
        if let Some(group) = group {
            setup = setup.program(group.wrap(cell.binary.program()));
        }
        setup = match cell.upstream {
            // Every request then needs the call.
            Upstream::Me => setup.with("PAT_CACHE_SECONDS", "0"),
            Upstream::EventType => setup.with("EVENT_TYPE_CACHE_SECONDS", "0"),
            Upstream::SecretsManager => {
                let url = proxied(Service::SecretsManager, &secrets.endpoint);
                setup.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url)
            }
            Upstream::DynamoDb => setup
                .with("CACHE_TABLE", &table.name)
                .with("AWS_ENDPOINT_URL_DYNAMODB", &proxied(Service::DynamoDb, &table.endpoint))
                .with("AVAILABILITY_CACHE_SECONDS", "60"),
            Upstream::Keys if cell.affects_whole_server() => {
                setup.with("JWT_JWKS_URL", &format!("{}{}", proxy.url, cell.upstream.path("")))
            }
            _ => setup,
        };
        if (cell.upstream, cell.phase) == (Upstream::SecretsManager, Phase::Warm) {
            // A warm function has not cached the PAT of a new caller.
            setup = setup.with_pat_per_caller();
        }
        let injector = FaultInjector { cell, authority, table, proxy };
        if cell.phase != Phase::Warm {
            injector.inject(&sandbox, &secrets).await;
        }
        let world = setup.spawn_with(sandbox, secrets).await;
        world.function.wait_for_init().await;
        let extremes = &shared.extremes;
        Self { cell, extremes, world, injector, requests: AtomicU64::new(0) }
    }

    fn token(&self, sub: &str) -> String {
        self.world.sandbox.mint(Mint { claims: json_object(json!({"sub": sub})), ..Mint::default() })
    }

    async fn send(&self, token: &str) -> Answer {
        let (upstream, binary) = (self.cell.upstream, self.cell.binary);
        // A window that is not cached.
        let first = 2 + 31 * (self.requests.fetch_add(1, Relaxed) % 10);
        let last = first + 7;
        let uri = event_type(&self.world.sandbox);
        let request = Request::get(binary.path()).bearer(token);
        let request = match (binary, upstream.tool()) {
            (Binary::Mcp, tool @ "check_availability") => {
                let mut arguments = json!({"start": day(first), "end": day(last), "event_types": [uri]});
                if upstream == Upstream::EventType {
                    arguments["duration_minutes"] = json!(30);
                }
                request.tool_call(tool, &arguments)
            }
            (Binary::Mcp, tool) => request.tool_call(tool, &json!({})),
            (Binary::CheckAvailability, _) => {
                let request = request.days(first, last).event_type(&uri);
                let needs_lookup = upstream == Upstream::EventType;
                if needs_lookup { request.query(&[("duration", "30")]) } else { request }
            }
            _ => request,
        };
        let (answer, left) = self.world.send_within(&request, DEADLINE).await;
        assert!(left >= MARGIN, "only {left:?} were left");
        self.extremes.record_time_left(left);
        answer
    }

    async fn good_request(&self, token: &str) {
        let answer = self.send(token).await;
        assert_eq!(answer.status_and_code(), (200, String::new()), "a good request: {:.500}", answer.body);
    }

    async fn affected_request(&self, token: &str) -> (u16, String) {
        let answer = self.send(token).await;
        let allowed = self.cell.case.allowed(self.cell.upstream);
        let (status, code) = answer.status_and_code();
        assert!(
            allowed.contains(&(status, &*code)),
            "{status} {code} is not in {allowed:?}: {:.300}",
            answer.body
        );
        if status == 429 {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
            assert!(seconds.is_some_and(|seconds| seconds > 0), "Retry-After: {seconds:?}");
        }
        let line = self.world.log_line(&answer.request_id).await;
        // A tool's result with `isError` has the HTTP status 200.
        assert_eq!(line["status"], answer.status, "{line}");
        if status != 200 {
            assert_eq!(line["code"], *code, "{line}");
            assert!(line["reason"].as_str().is_some_and(|reason| reason.ends_with('.')), "{line}");
        }
        (status, code)
    }

    /// Checks that a warm-up succeeds and reports failed preparations.
    async fn warm_up(&self) {
        let invocation = Invocation::new(&json!({"warmer": true})).within(DEADLINE);
        let outcome = self.world.function.invoke(invocation).await;
        assert!(outcome.time_left >= MARGIN, "only {:?} were left", outcome.time_left);
        let answer = outcome.result.expect("a warm-up succeeds");
        assert_eq!(answer["warm"], true, "{answer}");
        let unprepared = answer["unprepared"].as_array().map_or(0, Vec::len);
        // The preconnect to an unreachable Calendly fails.
        let is_prepared = self.cell.upstream.is_prepared() || self.cell.affects_whole_server();
        let may_succeed = self.cell.case.allowed(self.cell.upstream).contains(&(200, ""));
        assert!(unprepared > 0 || !is_prepared || may_succeed, "nothing is reported: {answer}");
        assert!(unprepared == 0 || is_prepared, "a call that is not needed is reported: {answer}");
        let line = self.world.log_line(&outcome.request_id).await;
        assert_eq!(line["unprepared"].as_array().map_or(0, Vec::len), unprepared, "{line}");
    }

    /// Checks that the next request succeeds. After a failed fetch of keys or secrets, that may take until the cool-down ends.
    async fn recovers(&self, token: &str) {
        let end = Instant::now() + TIMEOUT;
        loop {
            let answer = self.send(token).await;
            let (status, _) = answer.status_and_code();
            if status == 200 {
                return;
            }
            let may_cool_down =
                matches!(self.cell.upstream.service(), Service::Issuer | Service::SecretsManager);
            assert!(may_cool_down, "the next request: {}", answer.body);
            assert_eq!(status, 503, "the next request: {}", answer.body);
            assert!(Instant::now() < end, "it never recovers: {}", answer.body);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The URI of the event type of all requests.
fn event_type(sandbox: &Sandbox) -> String {
    sandbox.event_type_uri(PAT, "demo").expect("an event type of the sandbox")
}

/// Checks that every line is a JSON object and that none reports a panic or contains a secret.
fn assert_no_secret_in_log(function: &Function, tokens: &[String]) {
    let _: Vec<Value> = function.log();
    let output = function.raw_output();
    assert!(!output.contains("panicked"), "{output}");
    let signatures = tokens.iter().filter_map(|token| token.rsplit('.').next());
    for secret in signatures.chain([PAT, "wJalrXUtnFEMI", "session-token-of-the"]) {
        assert!(!output.contains(secret), "{secret} is in the log: {output}");
    }
}
