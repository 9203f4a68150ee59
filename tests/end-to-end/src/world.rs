//! One test's world: a sandbox, a Secrets Manager, and a function that is configured for both.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use sandbox::{Call, Config, DEFAULT_PAT, Mint, Sandbox};
use serde_json::Value;

use crate::{
    answer::Answer,
    aws_service::Trouble,
    function::{Binary, Function, Program},
    gateway::{Gateway, Request},
    http,
    runtime_api::{Invocation, Outcome},
    secrets_manager::SecretsManager,
};

/// How a world differs from the usual one.
#[derive(Debug)]
pub struct Setup {
    binary: Binary,
    sandbox: Config,
    secret: Option<String>,
    trouble: Trouble,
    variables: BTreeMap<String, Option<String>>,
    program: Option<Program>,
}

impl Setup {
    /// A world for this function in which all is well: its secret holds the sandbox's PAT.
    #[must_use]
    pub fn of(binary: Binary) -> Self {
        Self {
            binary,
            // Tests are not to meet the limit unless they order one.
            sandbox: Config { rate_limit: 100_000, ..Config::default() },
            secret: Some(DEFAULT_PAT.to_owned()),
            trouble: Trouble::None,
            variables: BTreeMap::new(),
            program: None,
        }
    }

    /// With the function's program started in another way.
    #[must_use]
    pub fn program(mut self, program: Program) -> Self {
        self.program = Some(program);
        self
    }

    /// As [`Self::with`], unless that was decided already.
    #[must_use]
    pub fn with_default(mut self, name: &str, value: &str) -> Self {
        self.variables.entry(name.to_owned()).or_insert_with(|| Some(value.to_owned()));
        self
    }

    /// With an environment variable. `{sandbox}`, `{secret}` and `{endpoint}` stand for the sandbox's
    /// address, the id of the PAT's secret and the address of Secrets Manager.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Without an environment variable that is there otherwise.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.insert(name.to_owned(), None);
        self
    }

    /// With another sandbox.
    #[must_use]
    pub fn sandbox(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.sandbox);
        self
    }

    /// With another text in the PAT's secret; `None` for no such secret.
    #[must_use]
    pub fn secret(mut self, secret: Option<&str>) -> Self {
        self.secret = secret.map(str::to_owned);
        self
    }

    /// With a Secrets Manager that is in trouble from the start.
    #[must_use]
    pub fn trouble(mut self, trouble: Trouble) -> Self {
        self.trouble = trouble;
        self
    }

    /// Starts it and waits until the function's init is over.
    ///
    /// # Panics
    ///
    /// Something does not start.
    pub async fn start(self) -> World {
        let world = self.spawn().await;
        world.function.wait_for_init().await;
        world
    }

    /// Starts it and does not wait for the function.
    ///
    /// # Panics
    ///
    /// Something does not start.
    pub async fn spawn(self) -> World {
        let sandbox = Sandbox::start(self.sandbox.clone()).await.expect("the sandbox starts");
        self.spawn_with(sandbox).await
    }

    /// As [`Self::spawn`], with a sandbox that runs already.
    ///
    /// # Panics
    ///
    /// Something does not start.
    pub async fn spawn_with(self, sandbox: Sandbox) -> World {
        let secrets = SecretsManager::start().await;
        let secret_id = secret_id();
        if let Some(secret) = &self.secret {
            secrets.store(&secret_id, secret).await;
        }
        secrets.trouble(self.trouble);
        let usual = [
            ("CALENDLY_PAT_SECRET_ID", "{secret}"),
            ("CALENDLY_BASE_URL", "{sandbox}"),
            ("JWT_ISSUER", "{sandbox}/issuer"),
            ("JWT_AUDIENCE", "calendly-functions"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "{endpoint}"),
        ];
        let mut variables: BTreeMap<String, Option<String>> =
            usual.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).into();
        variables.extend(self.variables);
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let value = value?
                    .replace("{sandbox}", &sandbox.base_url())
                    .replace("{secret}", &secret_id)
                    .replace("{endpoint}", &secrets.endpoint);
                Some((name, value))
            })
            .collect();
        let program = self.program.unwrap_or_else(|| self.binary.program());
        let function = Function::spawn(&program, &variables).await;
        World { binary: self.binary, sandbox, secrets, secret_id, function, variables }
    }
}

/// A name that no other secret of the process has.
fn secret_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test-{}/calendly/pat", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A world that runs. All of it ends when it is dropped.
#[derive(Debug)]
pub struct World {
    /// Which function runs in it.
    pub binary: Binary,
    /// Calendly and the issuer.
    pub sandbox: Sandbox,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// The secret that holds the PAT.
    pub secret_id: String,
    /// The function.
    pub function: Function,
    variables: BTreeMap<String, String>,
}

impl World {
    /// A request for the function's own route with a good token.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::get(self.binary.path()).bearer(&self.sandbox.token())
    }

    /// A request for the function's own route with a token that has these claims instead.
    ///
    /// # Panics
    ///
    /// `claims` is not an object.
    #[must_use]
    pub fn request_with_claims(&self, claims: Value) -> Request {
        let Value::Object(claims) = claims else { panic!("claims are an object: {claims}") };
        Request::get(self.binary.path()).bearer(&self.sandbox.mint(Mint { claims, ..Mint::default() }))
    }

    /// The answer to a good request with these parameters, through an HTTP API.
    ///
    /// # Panics
    ///
    /// The function gives no HTTP answer.
    pub async fn ask(&self, query: &[(&str, &str)]) -> Answer {
        self.send(&self.request().query(query)).await
    }

    /// The answer to a request, through an HTTP API.
    ///
    /// # Panics
    ///
    /// The function gives no HTTP answer.
    pub async fn send(&self, request: &Request) -> Answer {
        self.send_through(Gateway::HttpApi, request).await
    }

    /// The answer to a request through this gateway.
    ///
    /// # Panics
    ///
    /// The function gives no HTTP answer.
    pub async fn send_through(&self, gateway: Gateway, request: &Request) -> Answer {
        Answer::of(self.function.invoke(Invocation::new(&request.through(gateway))).await)
    }

    /// Another environment in this world, of this function or another one, with `changes` to its variables. Its init is
    /// over.
    ///
    /// # Panics
    ///
    /// It is not built, or does not start.
    pub async fn another(&self, binary: Binary, changes: &[(&str, &str)]) -> Function {
        let mut variables = self.variables.clone();
        variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let function = Function::spawn(&binary.program(), &variables).await;
        function.wait_for_init().await;
        function
    }

    /// What becomes of any event.
    ///
    /// # Panics
    ///
    /// The function ends, or gives no answer.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        self.function.invoke(Invocation::new(event)).await
    }

    /// The line that ended a request.
    ///
    /// # Panics
    ///
    /// There is none, or more than one.
    pub async fn end_line(&self, request_id: &str) -> Value {
        let lines = self.function.log_of(request_id).await;
        let (last, others) = lines.split_last().expect("there is at least one");
        let ends = |line: &Value| line.get("duration_ms").is_some();
        assert!(ends(last) && !others.iter().any(ends), "one line ends a request: {lines:?}");
        last.clone()
    }

    /// The calls of Calendly so far, without those of the issuer.
    #[must_use]
    pub fn calendly_calls(&self) -> Vec<Call> {
        self.sandbox.calls().into_iter().filter(|call| !call.path.starts_with("/issuer")).collect()
    }

    /// The paths of the calls of Calendly so far.
    #[must_use]
    pub fn calendly_paths(&self) -> Vec<String> {
        self.calendly_calls().into_iter().map(|call| call.path).collect()
    }

    /// What the sandbox itself answers to the default PAT. Leaves a call behind.
    ///
    /// # Panics
    ///
    /// It does not answer.
    pub async fn calendly_says(&self, path: &str, query: &[(&str, &str)]) -> String {
        http::get(&format!("{}{path}", self.sandbox.base_url()), DEFAULT_PAT, query).await
    }
}
