//! One cell of the matrix.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use sandbox::{Account, Config, FaultProxy, Mint, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    fault::{FaultCase, Injection},
    upstream::{PAT, Service, Upstream},
};
use crate::{
    Answer, Authority, Binary, Certificate, ControlGroup, Extremes, Function, Gateway, Invocation, Request,
    SMALLEST_MEMORY, SecretsManager, TIMEOUT, Table, TcpProxy, day, json_object,
};

/// The id of the secret. With a PAT per caller, the caller's name is appended.
const SECRET: &str = "fault-matrix/pat";
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
    secrets: SecretsManager,
    is_confined: bool,
    /// The extremes of all cells.
    pub extremes: Extremes,
}

impl SharedSetup {
    /// Starts the shared setup. With `is_confined`, processes have the resources of Lambda's smallest functions.
    pub async fn start(is_confined: bool) -> Self {
        let secrets = SecretsManager::with_secret(SECRET, PAT).await;
        for caller in CALLERS {
            secrets.store(&format!("{SECRET}/{caller}"), PAT);
        }
        let authority = Authority::new(&std::env::temp_dir());
        Self { authority, secrets, is_confined, extremes: Extremes::default() }
    }
}

/// The environment of one cell's function.
struct CellWorld<'a> {
    cell: &'a Cell,
    shared: &'a SharedSetup,
    sandbox: Sandbox,
    /// Injects faults into calls of Secrets Manager or DynamoDB.
    door: FaultProxy,
    _table: Option<Table>,
    requests: AtomicU64,
    /// In front of the failing server, for faults of the whole server.
    proxy: TcpProxy,
    variables: BTreeMap<String, String>,
}

impl Cell {
    /// Runs the cell; panics if the contract is broken.
    pub(crate) async fn run(&self, shared: &SharedSetup) -> CellAnswer {
        let world = CellWorld::new(self, shared).await;
        let service = self.upstream.service();
        let mut program = self.binary.program();
        let group = shared.is_confined.then(|| ControlGroup::new().expect("a control group"));
        if let Some(group) = &group {
            program = group.wrap(program);
        }
        if self.phase != Phase::Warm {
            world.inject().await;
        }
        let function = Function::spawn(&program, &world.variables).await;
        function.wait_for_init().await;
        let known_token = world.token(CALLERS[0]);
        let mut token = known_token.clone();
        let mut answer = None;
        match self.phase {
            Phase::WarmUp => world.warm_up(&function).await,
            Phase::Cold => answer = Some(world.affected_request(&function, &token).await),
            Phase::Warm => {
                world.good_request(&function, &known_token).await;
                if service == Service::Issuer {
                    world.sandbox.rotate_keys();
                }
                token = world.token(CALLERS[1]);
                world.inject().await;
                answer = Some(world.affected_request(&function, &token).await);
            }
        }
        // Cached keys and PATs are used while their source is down.
        let is_unavailable = service != Service::Calendly && matches!(answer, Some((503, _)));
        if self.phase == Phase::Warm && is_unavailable {
            world.good_request(&function, &known_token).await;
        }
        world.clear();
        // A failed fetch of keys is followed by a cool-down.
        let next_token = if service == Service::Issuer && is_unavailable { &known_token } else { &token };
        world.recovers(&function, next_token).await;
        let peak = function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
        shared.extremes.record_memory(peak);
        function.kill().await;
        assert_eq!(group.map_or(0, |group| group.oom_kills()), 0);
        assert_no_secret_in_log(&function, &[known_token, token]);
        answer
    }

    fn is_of_whole_server(&self) -> bool {
        !matches!(self.case.injection, Injection::Call(_))
    }
}

impl<'a> CellWorld<'a> {
    async fn new(cell: &'a Cell, shared: &'a SharedSetup) -> Self {
        let authority = &shared.authority;
        let service = cell.upstream.service();
        let proxy =
            TcpProxy::new(matches!(cell.case.injection, Injection::Certificate(_)).then_some(authority));
        let is_discovery = cell.upstream == Upstream::Discovery && cell.is_of_whole_server();
        let sandbox = Sandbox::start(Config {
            rate_limit: 100_000,
            pats: vec![Account::new(PAT)],
            public_url: is_discovery.then(|| proxy.url.clone()),
            ..Config::default()
        });
        let sandbox = sandbox.await.expect("the sandbox starts");
        let table = if cell.upstream == Upstream::DynamoDb { Some(Table::start().await) } else { None };
        let behind_door = table.as_ref().map_or(&shared.secrets.endpoint, |table| &table.endpoint);
        let door = FaultProxy::start(behind_door).await.expect("the door starts");
        let is_of_aws = matches!(service, Service::SecretsManager | Service::DynamoDb);
        proxy.set_upstream(&if is_of_aws { door.url() } else { sandbox.base_url() });
        let secret_id = match (cell.upstream, cell.phase) {
            // A warm function has not cached the PAT of a new caller.
            (Upstream::SecretsManager, Phase::Warm) => format!("{SECRET}/{{sub}}"),
            _ => SECRET.to_owned(),
        };
        // Large bodies need time on a busy machine; hanging calls should time out early.
        let timeout_ms = if service == Service::Calendly && cell.case.hangs() { "500" } else { "4000" };
        let proxied = |of: Service, url: String| {
            if cell.is_of_whole_server() && service == of { proxy.url.clone() } else { url }
        };
        let secrets = match cell.upstream {
            Upstream::SecretsManager => proxied(Service::SecretsManager, door.url()),
            _ => shared.secrets.endpoint.clone(),
        };
        let mut variables = vec![
            ("CALENDLY_PAT_SECRET_ID", secret_id),
            ("CALENDLY_BASE_URL", proxied(Service::Calendly, sandbox.base_url())),
            ("CALENDLY_TIMEOUT_MS", timeout_ms.to_owned()),
            ("CALENDLY_MAX_RETRIES", "1".to_owned()),
            ("JWT_ISSUER", sandbox.issuer_url()),
            ("JWT_AUDIENCE", "calendly-functions".to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
            ("AWS_CA_BUNDLE", authority.bundle().to_owned()),
        ];
        match cell.upstream {
            // Every request then needs the call.
            Upstream::Me => variables.push(("PAT_CACHE_SECONDS", "0".to_owned())),
            Upstream::EventType => variables.push(("EVENT_TYPE_CACHE_SECONDS", "0".to_owned())),
            Upstream::DynamoDb => {
                let name = table.as_ref().map(|table| table.name.clone()).unwrap_or_default();
                variables.extend([
                    ("CACHE_TABLE", name),
                    ("AWS_ENDPOINT_URL_DYNAMODB", proxied(Service::DynamoDb, door.url())),
                    ("AVAILABILITY_CACHE_SECONDS", "60".to_owned()),
                ]);
            }
            Upstream::Keys if cell.is_of_whole_server() => {
                variables.push(("JWT_JWKS_URL", format!("{}{}", proxy.url, cell.upstream.path(""))));
            }
            _ => {}
        }
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { cell, shared, sandbox, door, _table: table, requests: AtomicU64::new(0), proxy, variables }
    }

    async fn inject(&self) {
        match &self.cell.case.injection {
            Injection::Call(fault) => {
                let event_type = self.event_type();
                let path = self.cell.upstream.path(&event_type);
                match self.cell.upstream.service() {
                    Service::SecretsManager | Service::DynamoDb => {
                        self.door.fault(path, u32::MAX, fault.clone())
                    }
                    _ => self.sandbox.fault(path, u32::MAX, fault.clone()),
                }
            }
            Injection::ConnectionRefused => self.proxy.refuse().await,
            Injection::Certificate(certificate) => {
                self.proxy.set_certificate(&self.shared.authority, *certificate);
            }
        }
        self.proxy.close_all();
    }

    fn clear(&self) {
        match &self.cell.case.injection {
            Injection::Call(_) => {
                self.sandbox.clear_faults();
                self.door.clear_faults();
            }
            Injection::ConnectionRefused => self.proxy.accept(),
            Injection::Certificate(_) => {
                self.proxy.set_certificate(&self.shared.authority, Certificate::Good);
            }
        }
    }

    fn event_type(&self) -> String {
        self.sandbox.event_type_uri(PAT, "demo").expect("an event type of the sandbox")
    }

    fn token(&self, sub: &str) -> String {
        self.sandbox.mint(Mint { claims: json_object(json!({"sub": sub})), ..Mint::default() })
    }

    async fn send(&self, function: &Function, token: &str) -> Answer {
        let (upstream, binary) = (self.cell.upstream, self.cell.binary);
        // A window that is not cached.
        let first = 2 + 31 * (self.requests.fetch_add(1, Relaxed) % 10);
        let (start, end) = (day(first).to_string(), day(first + 7).to_string());
        let uri = self.event_type();
        let request = Request::get(binary.path()).bearer(token);
        let request = match (binary, upstream.tool()) {
            (Binary::Mcp, tool @ "check_availability") => {
                let mut arguments = json!({"start": start, "end": end, "event_types": [uri]});
                if upstream == Upstream::EventType {
                    arguments["duration_minutes"] = json!(30);
                }
                request.tool_call(tool, &arguments)
            }
            (Binary::Mcp, tool) => request.tool_call(tool, &json!({})),
            (Binary::CheckAvailability, _) => {
                let mut query = vec![("start_time", &*start), ("end_time", &end), ("event_type", &uri)];
                if upstream == Upstream::EventType {
                    query.push(("duration", "30"));
                }
                request.query(&query)
            }
            _ => request,
        };
        let invocation = Invocation::new(&request.through(Gateway::HttpApi)).within(DEADLINE);
        let deadline = invocation.deadline;
        let answer = Answer::from_outcome(function.invoke(invocation).await);
        let left = deadline.duration_since(answer.arrived).unwrap_or_default();
        assert!(left >= MARGIN, "only {left:?} were left");
        self.shared.extremes.record_time_left(left);
        answer
    }

    async fn good_request(&self, function: &Function, token: &str) {
        let answer = self.send(function, token).await;
        assert_eq!(answer.status_and_code(), (200, String::new()), "a good request: {:.500}", answer.body);
    }

    async fn affected_request(&self, function: &Function, token: &str) -> (u16, String) {
        let answer = self.send(function, token).await;
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
        let lines = function.log_of(&answer.request_id).await;
        let line = lines.iter().find(|line| line.get("duration_ms").is_some()).expect("a line that ends it");
        // A tool's result with `isError` has the HTTP status 200.
        assert_eq!(line["status"], answer.status, "{line}");
        if status != 200 {
            assert_eq!(line["code"], *code, "{line}");
            assert!(line["reason"].as_str().is_some_and(|reason| reason.ends_with('.')), "{line}");
        }
        (status, code)
    }

    /// Checks that a warm-up succeeds and reports failed preparations.
    async fn warm_up(&self, function: &Function) {
        let invocation = Invocation::new(&json!({"warmer": true})).within(DEADLINE);
        let deadline = invocation.deadline;
        let outcome = function.invoke(invocation).await;
        let left = deadline.duration_since(outcome.arrived).unwrap_or_default();
        assert!(left >= MARGIN, "only {left:?} were left");
        let answer = outcome.result.expect("a warm-up succeeds");
        assert_eq!(answer["warm"], true, "{answer}");
        let unprepared = answer["unprepared"].as_array().map_or(0, Vec::len);
        // The preconnect to an unreachable Calendly fails.
        let is_prepared = self.cell.upstream.is_prepared() || self.cell.is_of_whole_server();
        let may_succeed = self.cell.case.allowed(self.cell.upstream).contains(&(200, ""));
        assert!(unprepared > 0 || !is_prepared || may_succeed, "nothing is reported: {answer}");
        assert!(unprepared == 0 || is_prepared, "a call that is not needed is reported: {answer}");
        let line = function.log_of(&outcome.request_id).await.pop().expect("a line that ends it");
        assert_eq!(line["unprepared"].as_array().map_or(0, Vec::len), unprepared, "{line}");
    }

    /// Checks that the next request succeeds; after a failed fetch of keys or secrets, a later one.
    async fn recovers(&self, function: &Function, token: &str) {
        let end = Instant::now() + TIMEOUT;
        loop {
            let answer = self.send(function, token).await;
            let (status, _) = answer.status_and_code();
            if status == 200 {
                return;
            }
            assert!(self.cell.upstream.service() != Service::Calendly, "the next request: {}", answer.body);
            assert_eq!(status, 503, "the next request: {}", answer.body);
            assert!(Instant::now() < end, "it never recovers: {}", answer.body);
            sleep(Duration::from_millis(50)).await;
        }
    }
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
