//! The environment of one test: a sandbox, a Secrets Manager, and a function configured for both.

use std::{collections::BTreeMap, time::Duration};

use sandbox::{Call, Config, DEFAULT_PAT, Mint, Sandbox};
use serde_json::{Map, Value};

use crate::{
    answer::Answer,
    function::{Binary, Function, Program},
    gateway::{Gateway, Request},
    http,
    runtime_api::{Invocation, Outcome},
    secrets_manager::SecretsManager,
};

/// The usual id of the secret that holds the PAT.
const SECRET_ID: &str = "test/calendly/pat";

/// The members of a JSON object.
pub fn json_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// The highest number of calls in flight at the same time.
pub fn concurrent_calls(calls: &[Call]) -> usize {
    let in_flight_at_start_of = |one: &Call| {
        let in_flight = |other: &&Call| {
            other.started_at <= one.started_at
                && other.finished_at.is_none_or(|finished| one.started_at < finished)
        };
        calls.iter().filter(in_flight).count()
    };
    calls.iter().map(in_flight_at_start_of).max().unwrap_or_default()
}

/// Builds a [`World`].
#[must_use]
pub struct Setup {
    binary: Binary,
    sandbox: Config,
    secrets: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    program: Option<Program>,
}

impl Setup {
    /// A world without faults for this function; its secret holds the sandbox's PAT.
    pub fn new(binary: Binary) -> Self {
        Self {
            binary,
            // Only the rate limit tests should reach the limit.
            sandbox: Config { rate_limit: 100_000, ..Config::default() },
            secrets: [(SECRET_ID.to_owned(), DEFAULT_PAT.to_owned())].into(),
            variables: BTreeMap::new(),
            program: None,
        }
    }

    /// Starts another program instead of the built function.
    pub fn program(mut self, program: Program) -> Self {
        self.program = Some(program);
        self
    }

    /// Sets an environment variable; an empty one counts as unset. `{sandbox}`, `{secret}` and `{endpoint}` are replaced
    /// by the sandbox's address, the id of the PAT's secret and the endpoint of Secrets Manager.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets several environment variables, as [`Self::with`] does.
    pub fn with_all<'a>(self, variables: impl IntoIterator<Item = (&'a str, impl AsRef<str>)>) -> Self {
        variables.into_iter().fold(self, |setup, (name, value)| setup.with(name, value.as_ref()))
    }

    /// Reads each caller's PAT from a separate secret, `{secret}/{sub}`.
    pub fn with_pat_per_caller(self) -> Self {
        self.with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}")
    }

    /// Changes the sandbox's configuration.
    pub fn sandbox(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.sandbox);
        self
    }

    /// Sets the content of the PAT's secret; `None` for no secret.
    pub fn secret(mut self, secret: Option<&str>) -> Self {
        self.secrets.remove(SECRET_ID);
        self.secrets.extend(secret.map(|secret| (SECRET_ID.to_owned(), secret.to_owned())));
        self
    }

    /// Stores another secret, `{secret}/name`.
    pub fn other_secret(mut self, name: &str, text: &str) -> Self {
        self.secrets.insert(format!("{SECRET_ID}/{name}"), text.to_owned());
        self
    }

    /// Starts the world and waits for the end of the function's init.
    pub async fn start(self) -> World {
        let world = self.spawn().await;
        world.function.wait_for_init().await;
        world
    }

    /// Starts the world without waiting for the function.
    pub async fn spawn(self) -> World {
        let sandbox = Sandbox::start(self.sandbox.clone()).await.expect("the sandbox starts");
        self.spawn_with(sandbox, SecretsManager::start().await).await
    }

    /// Starts the world with this sandbox and this Secrets Manager, without waiting for the function.
    pub async fn spawn_with(self, sandbox: Sandbox, secrets: SecretsManager) -> World {
        for (id, text) in &self.secrets {
            secrets.store(id, text);
        }
        let usual = [
            ("CALENDLY_PAT_SECRET_ID", "{secret}"),
            ("CALENDLY_BASE_URL", "{sandbox}"),
            ("JWT_ISSUER", "{sandbox}/issuer"),
            ("JWT_AUDIENCE", "calendly-functions"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "{endpoint}"),
        ];
        let mut variables = BTreeMap::from(usual.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.extend(self.variables);
        for value in variables.values_mut() {
            *value = value
                .replace("{sandbox}", &sandbox.base_url())
                .replace("{secret}", SECRET_ID)
                .replace("{endpoint}", &secrets.endpoint);
        }
        let program = self.program.unwrap_or_else(|| self.binary.program());
        let function = Function::spawn(&program, &variables).await;
        World { binary: self.binary, sandbox, secrets, secret_id: SECRET_ID.to_owned(), function, variables }
    }
}

/// A running world, which is stopped when it is dropped.
pub struct World {
    /// The function.
    pub binary: Binary,
    /// Calendly and the issuer.
    pub sandbox: Sandbox,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// The id of the secret that holds the PAT.
    pub secret_id: String,
    /// The function's environment.
    pub function: Function,
    variables: BTreeMap<String, String>,
}

impl World {
    /// A request of the function's route with a good token.
    pub fn request(&self) -> Request {
        self.request_with(Mint::default())
    }

    /// A request of the function's route with this token.
    pub fn request_with(&self, mint: Mint) -> Request {
        Request::get(self.binary.path()).bearer(&self.sandbox.mint(mint))
    }

    /// A request of the function's route with a token whose default claims are extended or replaced by these.
    pub fn request_with_claims(&self, claims: Value) -> Request {
        self.request_with(Mint { claims: json_object(claims), ..Mint::default() })
    }

    /// Sends a good request with these parameters through an HTTP API.
    pub async fn get(&self, query: &[(&str, &str)]) -> Answer {
        self.send(&self.request().query(query)).await
    }

    /// Sends a request through an HTTP API.
    pub async fn send(&self, request: &Request) -> Answer {
        self.function.send(request).await
    }

    /// Sends a request through this gateway.
    pub async fn send_through(&self, gateway: Gateway, request: &Request) -> Answer {
        Answer::from_outcome(self.function.invoke(Invocation::new(&request.through(gateway))).await)
    }

    /// Sends a request with a deadline in `time`; returns the answer and the time left.
    pub async fn send_within(&self, request: &Request, time: Duration) -> (Answer, Duration) {
        let invocation = Invocation::new(&request.through(Gateway::HttpApi)).within(time);
        let outcome = self.function.invoke(invocation).await;
        let left = outcome.time_left;
        (Answer::from_outcome(outcome), left)
    }

    /// Starts another environment in this world, of this or another function, with these variables changed.
    pub async fn start_environment(&self, binary: Binary, changes: &[(&str, &str)]) -> Function {
        let mut variables = self.variables.clone();
        variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let function = Function::spawn(&binary.program(), &variables).await;
        function.wait_for_init().await;
        function
    }

    /// Invokes the function with any event.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        self.function.invoke(Invocation::new(event)).await
    }

    /// Sends a warm-up and returns the answer.
    pub async fn warm_up(&self) -> Value {
        self.invoke(&serde_json::json!({"warmer": true})).await.result.expect("a warm-up succeeds")
    }

    /// The log line that ends a request, of which there must be exactly one.
    pub async fn log_line(&self, request_id: &str) -> Value {
        self.function.log_line(request_id).await
    }

    /// The calls of Calendly so far, without those of the issuer.
    pub fn calendly_calls(&self) -> Vec<Call> {
        self.sandbox.calls().into_iter().filter(|call| !call.path.starts_with("/issuer")).collect()
    }

    /// The paths of the calls of Calendly so far.
    pub fn calendly_paths(&self) -> Vec<String> {
        self.calendly_calls().into_iter().map(|call| call.path).collect()
    }

    /// The calls of this path so far, of Calendly or of the issuer.
    pub fn calls_of(&self, path: &str) -> Vec<Call> {
        self.sandbox.calls().into_iter().filter(|call| call.path == path).collect()
    }

    /// The sandbox's own answer to the default PAT. The call is recorded.
    pub async fn calendly_text(&self, path: &str, query: &[(&str, &str)]) -> String {
        http::get(&format!("{}{path}", self.sandbox.base_url()), DEFAULT_PAT, query).await
    }

    /// The URI of the default PAT's event type with this slug.
    pub fn event_type_uri(&self, slug: &str) -> String {
        self.sandbox.event_type_uri(DEFAULT_PAT, slug).expect("a slug of the sandbox")
    }
}
