//! One cell of the matrix: a process of its own, for which one thing goes wrong.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use end_to_end::{
    Answer, Authority, Binary, Certificate, Confinement, Function, Gateway, Invocation, PATIENCE, Relay,
    Request, SMALLEST_MEMORY, SecretsManager, Seen, Table, day,
};
use sandbox::{Account, Config, Door, Fault, Mint, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    fault::{How, Wrong},
    upstream::{Kind, PAT, Upstream},
};

/// The secret that holds it; callers with a PAT of their own have it under their names.
const SECRET: &str = "fault-matrix/pat";
const CALLERS: [&str; 2] = ["ann", "ben"];

/// How long an invocation may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What must be left of it at least.
const LEFT: Duration = Duration::from_millis(250);

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// From before init: the first event is a request.
    Cold,
    /// After a request was answered.
    Warm,
    /// From before init: the first event is a warm-up.
    WarmUp,
}

impl When {
    pub(crate) const ALL: [Self; 3] = [Self::Cold, Self::Warm, Self::WarmUp];
}

/// A fault of an upstream at a time.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) upstream: Upstream,
    pub(crate) wrong: Wrong,
    pub(crate) when: When,
}

/// Status and code of the answer to the request that needs the upstream; of a warm-up nothing.
pub(crate) type Verdict = Option<(u16, String)>;

/// What all cells share.
#[derive(Debug)]
pub(crate) struct Shared {
    authority: Authority,
    secrets: SecretsManager,
    /// Whether each process has no more memory and processor than Lambda gives its smallest functions.
    is_confined: bool,
    /// The worst of all cells.
    pub(crate) seen: Seen,
}

impl Shared {
    pub(crate) async fn new(is_confined: bool) -> Self {
        let secrets = SecretsManager::start().await;
        secrets.store(SECRET, PAT).await;
        for caller in CALLERS {
            secrets.store(&format!("{SECRET}/{caller}"), PAT).await;
        }
        let authority = Authority::new(&std::env::temp_dir());
        Self { authority, secrets, is_confined, seen: Seen::default() }
    }
}

/// Everything around the function of one cell.
struct World<'a> {
    cell: &'a Cell,
    authority: &'a Authority,
    seen: &'a Seen,
    sandbox: Sandbox,
    /// In front of Secrets Manager, or of DynamoDB where that goes wrong.
    door: Door,
    /// Behind the door.
    table: Option<Table>,
    /// How often it was asked.
    asked: AtomicU64,
    /// In front of the server that goes wrong as a whole.
    relay: Relay,
    variables: BTreeMap<String, String>,
}

impl Cell {
    /// What comes of it.
    ///
    /// # Panics
    ///
    /// The contract is broken; the message says how.
    pub(crate) async fn run(&self, shared: &Shared) -> Verdict {
        let world = World::new(self, shared).await;
        let mut program = self.upstream.binary().program();
        let confinement = shared.is_confined.then(|| Confinement::new().expect("a control group"));
        if let Some(confinement) = &confinement {
            program = confinement.confine(program);
        }
        if self.when != When::Warm {
            world.goes_wrong().await;
        }
        let function = Function::spawn(&program, &world.variables).await;
        function.wait_for_init().await;
        let known = world.token(CALLERS[0]);
        let mut token = known.clone();
        let mut verdict = None;
        match self.when {
            When::WarmUp => world.warm_up(&function).await,
            When::Cold => verdict = Some(world.request_that_needs_it(&function, &token).await),
            When::Warm => {
                world.good_request(&function, &known).await;
                if self.upstream.kind() == Kind::Issuer {
                    world.sandbox.rotate_keys();
                }
                token = world.token(CALLERS[1]);
                world.goes_wrong().await;
                verdict = Some(world.request_that_needs_it(&function, &token).await);
            }
        }
        // Keys that could not be fetched are asked for again after a while; what is kept serves meanwhile.
        let keeps_serving = self.upstream.kind() != Kind::Calendly && matches!(verdict, Some((503, _)));
        if self.when == When::Warm && keeps_serving {
            world.good_request(&function, &known).await;
        }
        world.is_well();
        let next = if self.upstream.kind() == Kind::Issuer && keeps_serving { &known } else { &token };
        world.soon_good(&function, next).await;
        let peak = function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
        shared.seen.memory(peak);
        function.kill().await;
        assert_eq!(confinement.map_or(0, |confinement| confinement.killed()), 0);
        world.nothing_secret_is_in(&function, &[known, token]);
        verdict
    }

    fn is_of_the_whole_server(&self) -> bool {
        !matches!(self.wrong.how, How::Call(_))
    }
}

impl<'a> World<'a> {
    async fn new(cell: &'a Cell, shared: &'a Shared) -> Self {
        let authority = &shared.authority;
        let relay = Relay::new(matches!(cell.wrong.how, How::Shows(_)).then_some(authority));
        let through_relay = |kind| cell.is_of_the_whole_server() && cell.upstream.kind() == kind;
        let is_discovery = cell.upstream == Upstream::Discovery && cell.is_of_the_whole_server();
        let sandbox = Sandbox::start(Config {
            rate_limit: 100_000,
            pats: vec![Account::new(PAT)],
            public_url: is_discovery.then(|| relay.url.clone()),
            ..Config::default()
        });
        let sandbox = sandbox.await.unwrap();
        let is_of_aws = matches!(cell.upstream.kind(), Kind::Secrets | Kind::Table);
        let table = if cell.upstream == Upstream::Table { Some(Table::start().await) } else { None };
        let behind_door = table.as_ref().map_or(&shared.secrets.endpoint, |table| &table.endpoint);
        let door = Door::to(behind_door).await.unwrap();
        relay.lead_to(&if is_of_aws { door.url() } else { sandbox.base_url() });
        let secret_id = match (cell.upstream, cell.when) {
            // A warm function has the PAT of everybody but a new caller.
            (Upstream::Secrets, When::Warm) => format!("{SECRET}/{{sub}}"),
            _ => SECRET.to_owned(),
        };
        // What is large takes its time on a busy machine, and what hangs is not to take more than it must.
        let is_short = cell.upstream.kind() == Kind::Calendly && cell.wrong.hangs();
        let timeout_ms = if is_short { "500" } else { "4000" };
        let or_relay = |kind, url: String| if through_relay(kind) { relay.url.clone() } else { url };
        let secrets = match cell.upstream {
            Upstream::Secrets => or_relay(Kind::Secrets, door.url()),
            _ => shared.secrets.endpoint.clone(),
        };
        let mut variables = vec![
            ("CALENDLY_PAT_SECRET_ID", secret_id),
            ("CALENDLY_BASE_URL", or_relay(Kind::Calendly, sandbox.base_url())),
            ("CALENDLY_TIMEOUT_MS", timeout_ms.to_owned()),
            ("CALENDLY_MAX_RETRIES", "1".to_owned()),
            ("JWT_ISSUER", sandbox.issuer_url()),
            ("JWT_AUDIENCE", "calendly-functions".to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
            ("AWS_CA_BUNDLE", authority.bundle().to_owned()),
        ];
        match cell.upstream {
            // So that every request asks whose the PAT is.
            Upstream::Me => variables.push(("PAT_CACHE_SECONDS", "0".to_owned())),
            Upstream::EventType => variables.push(("EVENT_TYPE_CACHE_SECONDS", "0".to_owned())),
            Upstream::Table => {
                let name = table.as_ref().map(|table| table.name.clone()).unwrap_or_default();
                variables.extend([
                    ("CACHE_TABLE", name),
                    ("AWS_ENDPOINT_URL_DYNAMODB", or_relay(Kind::Table, door.url())),
                    ("AVAILABILITY_CACHE_SECONDS", "60".to_owned()),
                ]);
            }
            Upstream::Keys if cell.is_of_the_whole_server() => {
                variables.push(("JWT_JWKS_URL", format!("{}{}", relay.url, cell.upstream.path(""))));
            }
            _ => {}
        }
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let asked = AtomicU64::new(0);
        Self { cell, authority, seen: &shared.seen, sandbox, door, table, asked, relay, variables }
    }

    async fn goes_wrong(&self) {
        match &self.cell.wrong.how {
            How::Call(fault) => self.order(fault),
            How::Refused => self.relay.bar().await,
            How::Shows(certificate) => self.relay.show(self.authority, *certificate),
        }
        self.relay.cut();
    }

    fn order(&self, fault: &Fault) {
        let event_type = self.event_type();
        let path = self.cell.upstream.path(&event_type);
        match self.cell.upstream.kind() {
            Kind::Secrets | Kind::Table => self.door.fault(path, u32::MAX, fault.clone()),
            _ => self.sandbox.fault(path, u32::MAX, fault.clone()),
        }
    }

    fn event_type(&self) -> String {
        self.sandbox.event_type_uri(PAT, "demo").unwrap()
    }

    fn is_well(&self) {
        match &self.cell.wrong.how {
            How::Call(_) => {
                self.sandbox.clear_faults();
                self.door.clear_faults();
            }
            How::Refused => self.relay.open(),
            How::Shows(_) => self.relay.show(self.authority, Certificate::Good),
        }
    }

    fn token(&self, sub: &str) -> String {
        let claims = json!({"sub": sub}).as_object().unwrap().clone();
        self.sandbox.mint(Mint { claims, ..Mint::default() })
    }

    async fn ask(&self, function: &Function, token: &str) -> Answer {
        let mut request = Request::get(self.cell.upstream.binary().path()).bearer(token);
        if self.cell.upstream.binary() == Binary::CheckAvailability {
            // Each time another window, which nobody can have at hand.
            let first = 2 + 31 * (self.asked.fetch_add(1, Relaxed) % 10);
            let (start, end) = (day(first).to_string(), day(first + 7).to_string());
            let uri = self.event_type();
            let mut query = vec![("start_time", &*start), ("end_time", &end), ("event_type", &uri)];
            if self.cell.upstream == Upstream::EventType {
                query.push(("duration", "30"));
            }
            request = request.query(&query);
        }
        let invocation = Invocation::new(&request.through(Gateway::HttpApi)).within(DEADLINE);
        let deadline = invocation.deadline;
        let answer = Answer::of(function.invoke(invocation).await);
        let left = deadline.duration_since(answer.arrived).unwrap_or_default();
        assert!(left >= LEFT, "only {left:?} were left");
        self.seen.left(left);
        answer
    }

    async fn good_request(&self, function: &Function, token: &str) {
        let answer = self.ask(function, token).await;
        assert_eq!(answer.status, 200, "a good request: {}", answer.body);
        let asked = self.table.as_ref().map(Table::operations);
        assert!(
            asked.is_none_or(|operations| operations.contains(&"GetItem".to_owned())),
            "no table was asked"
        );
    }

    async fn request_that_needs_it(&self, function: &Function, token: &str) -> (u16, String) {
        let answer = self.ask(function, token).await;
        let allowed = self.cell.wrong.allowed(self.cell.upstream);
        let verdict = answer.verdict();
        assert!(
            allowed.iter().any(|(status, code)| verdict == (*status, (*code).to_owned())),
            "{verdict:?} is none of {allowed:?}: {:.300}",
            answer.body
        );
        if answer.status == 429 {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
            assert!(seconds.is_some_and(|seconds| seconds > 0), "Retry-After: {seconds:?}");
        }
        let lines = function.log_of(&answer.request_id).await;
        let line = lines.iter().find(|line| line.get("duration_ms").is_some()).unwrap();
        assert_eq!(line["status"], answer.status, "{line}");
        if answer.status != 200 {
            assert_eq!(line["code"], answer.code(), "{line}");
            assert!(line["reason"].as_str().is_some_and(|reason| reason.ends_with('.')), "{line}");
        }
        verdict
    }

    /// It succeeds whatever happens, and says what it could not prepare.
    async fn warm_up(&self, function: &Function) {
        let invocation = Invocation::new(&json!({"warmer": true})).within(DEADLINE);
        let deadline = invocation.deadline;
        let outcome = function.invoke(invocation).await;
        let left = deadline.duration_since(outcome.arrived).unwrap_or_default();
        assert!(left >= LEFT, "only {left:?} were left");
        let answer = outcome.result.unwrap();
        assert_eq!(answer["warm"], true, "{answer}");
        let unprepared = answer["unprepared"].as_array().map_or(0, Vec::len);
        // A whole Calendly that cannot be reached leaves no connection open either.
        let is_prepared = self.cell.upstream.is_prepared() || self.cell.is_of_the_whole_server();
        let may_be_good = self.cell.wrong.allowed(self.cell.upstream).contains(&(200, ""));
        assert!(unprepared > 0 || !is_prepared || may_be_good, "nothing is said of it: {answer}");
        assert!(unprepared == 0 || is_prepared, "it was not needed: {answer}");
        let line = function.log_of(&outcome.request_id).await.pop().unwrap();
        assert_eq!(line["unprepared"].as_array().map_or(0, Vec::len), unprepared, "{line}");
    }

    /// The next request is good, or the next but few where a failed read is not tried again at once.
    async fn soon_good(&self, function: &Function, token: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(function, token).await;
            if answer.status == 200 {
                return;
            }
            assert!(self.cell.upstream.kind() != Kind::Calendly, "the next request: {}", answer.body);
            assert_eq!(answer.status, 503, "the next request: {}", answer.body);
            assert!(Instant::now() < end, "it never recovers: {}", answer.body);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every line is a JSON object, none tells of a panic, and none has anything secret in it.
    fn nothing_secret_is_in(&self, function: &Function, tokens: &[String]) {
        let _: Vec<Value> = function.log();
        let output = function.raw_output();
        assert!(!output.contains("panicked"), "{output}");
        let signatures = tokens.iter().filter_map(|token| token.rsplit('.').next());
        for secret in signatures.chain([PAT, "wJalrXUtnFEMI", "session-token-of-the"]) {
            assert!(!output.contains(secret), "{secret} is in the log: {output}");
        }
    }
}
