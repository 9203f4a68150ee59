//! A built function as a process with Lambda's environment variables.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::{
    answer::Answer,
    aws_service::lock,
    gateway::{Gateway, Request},
    runtime_api::{Invocation, Outcome, RuntimeApi},
    wait::{TIMEOUT, wait_until},
};

/// A function of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `user`
    User,
    /// `user-event-types`
    UserEventTypes,
    /// `check-availability`
    CheckAvailability,
    /// `mcp`
    Mcp,
}

impl Binary {
    /// All functions.
    pub const ALL: [Self; 4] = [Self::User, Self::UserEventTypes, Self::CheckAvailability, Self::Mcp];

    /// The functions whose routes are `GET`.
    pub const WITH_GET_ROUTE: [Self; 3] = [Self::User, Self::UserEventTypes, Self::CheckAvailability];

    /// The name of its package, its binary and the last segment of its route.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::UserEventTypes => "user-event-types",
            Self::CheckAvailability => "check-availability",
            Self::Mcp => "mcp",
        }
    }

    /// The route's path.
    pub fn path(self) -> String {
        format!("/calendly/{}", self.name())
    }

    /// The program built by `cargo build`.
    pub fn program(self) -> Program {
        Program::built(self.name())
    }
}

/// A program that is started as a function.
#[derive(Debug, Clone)]
pub struct Program {
    /// The function name in Lambda.
    pub name: String,
    /// The file to execute.
    pub command: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// The program of this name, built by `cargo build`, in the parent of this executable's directory.
    #[must_use]
    pub fn built(name: &str) -> Self {
        let test = std::env::current_exe().expect("a test knows its executable");
        let directory = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
        let command = directory.join(name);
        assert!(
            command.is_file(),
            "{name} is not built: run `cargo build` first ({} is missing)",
            command.display()
        );
        Self { name: name.to_owned(), command, arguments: Vec::new() }
    }
}

/// A running function, which is killed when it is dropped.
pub struct Function {
    spawned: Instant,
    runtime_api: RuntimeApi,
    process: tokio::sync::Mutex<Child>,
    stdout: Output,
    stderr: Output,
}

/// The lines of a stream of the process.
struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    has_ended: watch::Receiver<bool>,
}

impl Function {
    /// Starts the process without waiting for its init.
    pub async fn spawn(program: &Program, variables: &BTreeMap<String, String>) -> Self {
        let runtime_api = RuntimeApi::start(&program.name).await;
        let spawned = Instant::now();
        let mut process = Command::new(&program.command)
            .args(&program.arguments)
            .env_clear()
            .envs(lambda_environment(&program.name))
            .env("AWS_LAMBDA_RUNTIME_API", &runtime_api.address)
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function starts");
        let stdout = Output::capture(process.stdout.take().expect("a pipe"));
        let stderr = Output::capture(process.stderr.take().expect("a pipe"));
        Self { spawned, runtime_api, process: tokio::sync::Mutex::new(process), stdout, stderr }
    }

    /// When the process was started.
    pub fn spawned(&self) -> Instant {
        self.spawned
    }

    /// Waits until the function polls for its first event.
    pub async fn wait_for_init(&self) {
        self.wait_for_polls(1).await;
    }

    /// Waits until the function has polled for `count` events.
    pub async fn wait_for_polls(&self, count: usize) {
        let mut polls = self.runtime_api.polls();
        let polled = self.unless_exited(timeout(TIMEOUT, polls.wait_for(|polls| *polls >= count))).await;
        polled.expect("init timed out").expect("the Runtime API runs");
    }

    /// The number of polls for an event.
    pub fn polls(&self) -> usize {
        *self.runtime_api.polls().borrow()
    }

    /// Invokes the function and waits for the outcome.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        let left = invocation.deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let limit = left.max(Duration::from_secs(26)) + TIMEOUT;
        let outcome = self.unless_exited(timeout(limit, self.runtime_api.queue(invocation))).await;
        outcome.expect("the invocation timed out").expect("the Runtime API runs")
    }

    /// Awaits something that the process does, and panics if it exits instead.
    async fn unless_exited<T>(&self, awaited: impl Future<Output = T>) -> T {
        let mut stdout_ended = self.stdout.has_ended.clone();
        tokio::select! {
            done = awaited => done,
            _ = stdout_ended.wait_for(|ended| *ended) => panic!("the process exited: {}", self.raw_output()),
        }
    }

    /// Sends a request through an HTTP API.
    pub async fn send(&self, request: &Request) -> Answer {
        Answer::from_outcome(self.invoke(Invocation::new(&request.through(Gateway::HttpApi))).await)
    }

    /// Waits until the process exits and its output is captured.
    pub async fn wait_for_exit(&self) -> ExitStatus {
        let status = {
            let mut process = self.process.lock().await;
            timeout(TIMEOUT, process.wait())
                .await
                .expect("the process did not exit in time")
                .expect("a status")
        };
        self.wait_for_output_to_end().await;
        status
    }

    /// The process's id.
    pub async fn id(&self) -> u32 {
        self.process.lock().await.id().expect("the process runs")
    }

    /// Kills the process and waits until its output is captured.
    pub async fn kill(&self) {
        self.process.lock().await.kill().await.expect("the function can be killed");
        self.wait_for_output_to_end().await;
    }

    async fn wait_for_output_to_end(&self) {
        for output in [&self.stdout, &self.stderr] {
            let _ = timeout(TIMEOUT, output.has_ended.clone().wait_for(|ended| *ended)).await;
        }
    }

    /// The report of a failed init.
    pub fn init_error(&self) -> Option<Value> {
        self.runtime_api.init_error()
    }

    /// The log lines so far, which must be JSON objects.
    pub fn log(&self) -> Vec<Value> {
        lock(&self.stdout.lines)
            .iter()
            .map(|line| match serde_json::from_str(line) {
                Ok(line @ Value::Object(_)) => line,
                _ => panic!("a line of the log is not a JSON object: {line}"),
            })
            .collect()
    }

    /// Waits for the log line that ends a request, of which there must be exactly one, after all others.
    pub async fn log_line(&self, request_id: &str) -> Value {
        let ends = |line: &Value| line.get("duration_ms").is_some();
        let lines = wait_until("the line that ends the request", || {
            let lines = self.log().into_iter().filter(|line| line["request_id"] == request_id);
            let lines: Vec<Value> = lines.collect();
            lines.iter().any(ends).then_some(lines)
        })
        .await;
        let (last, others) = lines.split_last().expect("there is at least one");
        assert!(ends(last) && !others.iter().any(ends), "one line ends a request: {lines:?}");
        last.clone()
    }

    /// Takes the new lines of standard output and standard error.
    pub fn take_output(&self) -> [Vec<String>; 2] {
        [&self.stdout, &self.stderr].map(|output| std::mem::take(&mut *lock(&output.lines)))
    }

    /// Everything written so far to standard output and to standard error.
    pub fn raw_output(&self) -> String {
        [&self.stdout, &self.stderr].map(|output| lock(&output.lines).join("\n")).join("\n")
    }
}

impl Output {
    /// Captures lines until the stream ends.
    fn capture(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (sender, has_ended) = watch::channel(false);
        let captured = lines.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lock(&captured).push(line);
            }
            sender.send_replace(true);
        });
        Self { lines, has_ended }
    }
}

/// The variables that Lambda sets, with invalid credentials.
fn lambda_environment(function_name: &str) -> [(&'static str, String); 16] {
    [
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        ("AWS_SESSION_TOKEN", "session-token-of-the-environment".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function_name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function_name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/12/01/[$LATEST]a1b2c3d4".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}
