//! A built function as a process, in the environment that Lambda gives it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::{
    runtime_api::{Invocation, Outcome, RuntimeApi},
    wait::{PATIENCE, until},
};

/// The three functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `user`
    User,
    /// `user-event-types`
    UserEventTypes,
    /// `check-availability`
    CheckAvailability,
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::UserEventTypes, Self::CheckAvailability];

    /// The name of package and binary, which is the last part of the route too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::UserEventTypes => "user-event-types",
            Self::CheckAvailability => "check-availability",
        }
    }

    /// The route's path.
    #[must_use]
    pub fn path(self) -> String {
        format!("/calendly/{}", self.name())
    }

    /// The function, built by `cargo build`.
    ///
    /// # Panics
    ///
    /// It is not built.
    #[must_use]
    pub fn program(self) -> Program {
        Program { name: self.name().to_owned(), command: self.file(), arguments: Vec::new() }
    }

    /// Beside the directory of the test's own executable.
    fn file(self) -> PathBuf {
        let test = std::env::current_exe().expect("a test knows its executable");
        let directory = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
        let file = directory.join(self.name());
        assert!(
            file.is_file(),
            "the function {} is not built: run `cargo build` first ({} is missing)",
            self.name(),
            file.display()
        );
        file
    }
}

/// What is started as a function.
#[derive(Debug, Clone)]
pub struct Program {
    /// The name that Lambda has for it.
    pub name: String,
    /// The file to execute.
    pub command: PathBuf,
    /// What it is started with.
    pub arguments: Vec<OsString>,
}

/// A function that runs. It is killed when it is dropped.
#[derive(Debug)]
pub struct Function {
    spawned: Instant,
    runtime_api: RuntimeApi,
    process: tokio::sync::Mutex<Child>,
    output: Arc<Output>,
    ended: [watch::Receiver<bool>; 2],
}

#[derive(Debug, Default)]
struct Output {
    stdout: Mutex<Vec<String>>,
    stderr: Mutex<Vec<String>>,
}

impl Function {
    /// Starts the process, and does not wait for anything.
    ///
    /// # Panics
    ///
    /// The program cannot be started.
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
        let output = Arc::new(Output::default());
        let stdout = process.stdout.take().expect("a pipe");
        let stderr = process.stderr.take().expect("a pipe");
        let ended = [
            capture(stdout, output.clone(), |output| &output.stdout),
            capture(stderr, output.clone(), |output| &output.stderr),
        ];
        Self { spawned, runtime_api, process: tokio::sync::Mutex::new(process), output, ended }
    }

    /// When the process was about to be started.
    #[must_use]
    pub fn spawned(&self) -> Instant {
        self.spawned
    }

    /// Waits until the function asks for its first event.
    ///
    /// # Panics
    ///
    /// The function ends instead, or takes too long.
    pub async fn wait_for_init(&self) {
        self.wait_for_polls(1).await;
    }

    /// Waits until the function has asked for an event this often.
    ///
    /// # Panics
    ///
    /// The function ends instead, or takes too long.
    pub async fn wait_for_polls(&self, least: usize) {
        let mut polls = self.runtime_api.polls();
        let asked = timeout(PATIENCE, polls.wait_for(|polls| *polls >= least));
        let mut stdout_ended = self.ended[0].clone();
        tokio::select! {
            asked = asked => { asked.expect("the function takes too long to ask for an event").expect("the Runtime API is there"); }
            _ = stdout_ended.wait_for(|ended| *ended) => panic!("the function ended: {}", self.raw_output()),
        }
    }

    /// How often the function asked for an event so far.
    #[must_use]
    pub fn polls(&self) -> usize {
        *self.runtime_api.polls().borrow()
    }

    /// Hands the function an event and waits for what becomes of it.
    ///
    /// # Panics
    ///
    /// The function ends, or gives no answer long after its deadline.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        let left = invocation.deadline.duration_since(std::time::SystemTime::now()).unwrap_or_default();
        let outcome = self.runtime_api.queue(invocation);
        let mut stdout_ended = self.ended[0].clone();
        tokio::select! {
            outcome = timeout(left.max(Duration::from_secs(26)) + PATIENCE, outcome) => {
                outcome.expect("the function gives no answer").expect("the Runtime API is there")
            }
            _ = stdout_ended.wait_for(|ended| *ended) => panic!("the function ended: {}", self.raw_output()),
        }
    }

    /// Waits for the process to end by itself; everything that it wrote is then captured.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub async fn end(&self) -> ExitStatus {
        let status = {
            let mut process = self.process.lock().await;
            timeout(PATIENCE, process.wait()).await.expect("the function does not end").expect("a status")
        };
        self.wait_for_output_to_end().await;
        status
    }

    /// The process's id.
    ///
    /// # Panics
    ///
    /// The process has ended.
    pub async fn id(&self) -> u32 {
        self.process.lock().await.id().expect("the process runs")
    }

    /// Kills the process; everything that it wrote is then captured.
    pub async fn kill(&self) {
        self.process.lock().await.kill().await.expect("the function can be killed");
        self.wait_for_output_to_end().await;
    }

    async fn wait_for_output_to_end(&self) {
        for ended in &self.ended {
            // An error says that the capture is over, too.
            let _ = timeout(PATIENCE, ended.clone().wait_for(|ended| *ended)).await;
        }
    }

    /// What the function reported to the Runtime API about a failed init.
    #[must_use]
    pub fn init_error(&self) -> Option<Value> {
        self.runtime_api.init_error()
    }

    /// The lines on standard output so far.
    ///
    /// # Panics
    ///
    /// A line is not a JSON object.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let lines = self.output.stdout.lock().expect("no panic while locked").clone();
        lines
            .iter()
            .map(|line| match serde_json::from_str(line) {
                Ok(line @ Value::Object(_)) => line,
                _ => panic!("a line of the log is not a JSON object: {line}"),
            })
            .collect()
    }

    /// The lines of one invocation, once there is the one that ends it.
    ///
    /// # Panics
    ///
    /// None ends it, or a line is not a JSON object.
    pub async fn log_of(&self, request_id: &str) -> Vec<Value> {
        until("the line that ends the request", || {
            let lines: Vec<Value> =
                self.log().into_iter().filter(|line| line["request_id"] == request_id).collect();
            lines.iter().any(|line| line.get("duration_ms").is_some()).then_some(lines)
        })
        .await
    }

    /// The lines on standard output and on standard error since this was last asked for. They are forgotten, as
    /// they must be where there are very many.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn take_output(&self) -> [Vec<String>; 2] {
        let lines = [&self.output.stdout, &self.output.stderr];
        lines.map(|lines| std::mem::take(&mut *lines.lock().expect("no panic while locked")))
    }

    /// All that was written so far, to standard output and to standard error.
    #[must_use]
    pub fn raw_output(&self) -> String {
        let stdout = self.output.stdout.lock().expect("no panic while locked").join("\n");
        let stderr = self.output.stderr.lock().expect("no panic while locked").join("\n");
        format!("{stdout}\n{stderr}")
    }
}

/// Reads lines until there are no more; then the receiver sees `true`.
fn capture(
    stream: impl AsyncRead + Unpin + Send + 'static,
    output: Arc<Output>,
    lines_of: impl Fn(&Output) -> &Mutex<Vec<String>> + Send + 'static,
) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            lines_of(&output).lock().expect("no panic while locked").push(line);
        }
        sender.send_replace(true);
    });
    receiver
}

/// What Lambda sets, with credentials that are worth nothing.
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
