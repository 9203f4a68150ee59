"""Emulates AWS Lambda for `make run`.

Runs the built functions of target/debug in environments that serve one request at a time. A function receives events
through the Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import local

RUNTIME = "/2018-06-01/runtime/"
# Lambda's limit of a cold start, which does not count towards the function's timeout.
INIT_SECONDS = 10
# A busy machine may deliver an answer late that was given in time.
GRACE_SECONDS = 1
# The concurrency limit of a function; further requests are throttled.
MAX_ENVIRONMENTS = 20
MEMORY_MB = "256"
REQUEST_ID = "X-Amzn-RequestId"
FUNCTION_ERROR = "X-Amz-Function-Error"


class InvocationFailed(Exception):
    """The invocation has no answer; the argument is Lambda's error object."""


def error_object(kind, message):
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class Server(ThreadingHTTPServer):
    """An HTTP server with a thread per connection."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A disconnected client is not an error.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of an HTTP/1.1 server without a log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        # RFC 9110, section 8.6.
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Environment:
    """A process of a function, with its own Runtime API. Its output goes to the file `log`, if there is one."""

    def __init__(self, function, environment=os.environ, timeout=None, log=None):
        self._timeout = timeout or local.FUNCTION_TIMEOUT
        self._events, self._answers = queue.SimpleQueue(), queue.SimpleQueue()
        self._is_initialized = threading.Event()
        self._current = None
        self._server = Server(("127.0.0.1", 0), RuntimeApi)
        self._server.environment = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        variables = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY_MB,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        }
        self._process = subprocess.Popen(
            [local.BINARIES / function], env=variables | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def invoke(self, request_id, event):
        """The answer to an event. Raises `InvocationFailed`, also if the process exits or times out."""
        self._is_initialized.wait(INIT_SECONDS)
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(round((time.time() + self._timeout) * 1000))),
            (
                "Lambda-Runtime-Invoked-Function-Arn",
                f"arn:aws:lambda:{local.REGION}:123456789012:function:local",
            ),
            ("Lambda-Runtime-Trace-Id", f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]};Sampled=0"),
        ]
        self._current = request_id
        self._events.put((headers, event))
        try:
            is_answer, body = self._answers.get(timeout=self._timeout + GRACE_SECONDS)
        except queue.Empty:
            self.stop()
            message = f"Task timed out after {self._timeout:.2f} seconds"
            raise InvocationFailed(error_object("Sandbox.Timedout", message)) from None
        if not is_answer:
            raise InvocationFailed(body)
        return body

    def stop(self):
        self._process.kill()
        self._process.wait()

    def is_running(self):
        return self._process.poll() is None

    def next(self):
        """Waits for the next event: (headers, body)."""
        self._is_initialized.set()
        return self._events.get()

    def answered(self, request_id, is_answer, body):
        """Accepts the answer of the invocation with this id; returns whether there is one."""
        if request_id != self._current:
            return False
        self._current = None
        self._answers.put((is_answer, body))
        return True

    def _watch(self):
        code = self._process.wait()
        self._is_initialized.set()
        message = f"Runtime exited with code {code}"
        self._answers.put((False, error_object("Runtime.ExitError", message)))
        self._server.shutdown()
        self._server.server_close()


class RuntimeApi(Handler):
    """The Runtime API, which a function calls."""

    def do_GET(self):
        if self.path != f"{RUNTIME}invocation/next":
            return self.send(404, [], b"")
        self.send(200, *self.server.environment.next())

    def do_POST(self):
        body = self.body()
        _, _, path = self.path.partition(f"{RUNTIME}invocation/")
        request_id, _, kind = path.partition("/")
        if kind in ("response", "error"):
            known = self.server.environment.answered(request_id, kind == "response", body)
            return self.send(202 if known else 400, [], b"{}")
        # An init error is in the function's log, and the process exits.
        self.send(202 if self.path == f"{RUNTIME}init/error" else 404, [], b"{}")


class Function:
    """A function, with one environment per concurrent request. Their output goes to the file `log`."""

    def __init__(self, name, log=None):
        self._name, self._log = name, log
        # The most recently used environment comes first; `None` is one that has not been started.
        self._environments = queue.LifoQueue()
        for _ in range(MAX_ENVIRONMENTS):
            self._environments.put(None)

    def invoke(self, request_id, event):
        """The answer of an environment; see `Environment.invoke`. Raises `queue.Empty` at the concurrency limit."""
        environment = self._environments.get_nowait()
        try:
            if not (environment and environment.is_running()):
                environment = Environment(self._name, log=self._log)
            return environment.invoke(request_id, event)
        finally:
            self._environments.put(environment)


def invoke(function, event):
    """(status, headers, body) of Lambda's Invoke API: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    request_id = str(uuid.uuid4())
    headers = [(REQUEST_ID, request_id), ("Content-Type", "application/json")]
    try:
        return 200, headers, function.invoke(request_id, event)
    except queue.Empty:
        return 429, headers, error_object("TooManyRequestsException", "Rate Exceeded.")
    except InvocationFailed as problem:
        [body] = problem.args
        return 200, [*headers, (FUNCTION_ERROR, "Unhandled")], body
