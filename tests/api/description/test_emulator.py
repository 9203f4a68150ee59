"""The local gateway and Lambda emulator answer each request, whatever the function does."""

import contextlib
import io
import json
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

import description

sys.path.insert(0, str(description.ROOT / "scripts"))

import gateway  # noqa: E402
import lambda_emulator  # noqa: E402
import local  # noqa: E402

# A stand-in for a function, in Python, which echoes each event.
ECHO = """\
#!{python}
import json, os, urllib.request as http
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with http.urlopen(api + "next") as event:
        id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read().decode()
    http.urlopen(api + id + "/response", json.dumps({{"statusCode": 200, "body": body}}).encode()).close()
"""


class Emulator(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        routes = {"ANY /echo": "echo", "GET /exits": "exits", "GET /hangs": "hangs"}
        self.enterContext(mock.patch.multiple(local, BINARIES=folder, ROUTES=routes, FUNCTION_TIMEOUT=1))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        scripts = {
            "echo": ECHO.format(python=sys.executable),
            "exits": "#!/bin/sh\nexit 3\n",
            "hangs": "#!/bin/sh\nexec sleep 9\n",
        }
        for name, text in scripts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.emulator = lambda_emulator.Server(("127.0.0.1", 0), lambda_emulator.InvokeApi)
        self.emulator.functions = {name: lambda_emulator.Function(name) for name in scripts}
        template = (description.ROOT / "template.yaml").read_text()
        self.gateway = gateway.Gateway(("127.0.0.1", 0), self.emulator.server_port, [], template)
        for server in (self.emulator, self.gateway):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
        self.addCleanup(self.stop_functions)

    def stop_functions(self):
        for function in self.emulator.functions.values():
            while not function._environments.empty():
                if environment := function._environments.get():
                    environment._process.kill()

    def call(self, method, path, body=None):
        url = f"http://127.0.0.1:{self.gateway.server_port}{path}"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_a_request_becomes_an_event(self):
        status, event = self.call("POST", "/echo?a=1&a=2", '{"é": 1}'.encode())
        self.assertEqual((status, event["body"], event["isBase64Encoded"]), (200, '{"é": 1}', False))
        self.assertEqual(event["queryStringParameters"], {"a": "1,2"})
        self.assertEqual(event["requestContext"]["http"]["method"], "POST")

    def test_functions_that_exit_or_hang_are_errors(self):
        for path in ("/exits", "/hangs"):
            self.assertEqual(self.call("GET", path), (500, {"message": "Internal Server Error"}))

    def test_requests_above_the_limit_are_throttled(self):
        with mock.patch.object(lambda_emulator, "MAX_ENVIRONMENTS", 0):
            self.emulator.functions["echo"] = lambda_emulator.Function("echo")
        self.assertEqual(self.call("GET", "/echo"), (503, {"message": "Service Unavailable"}))


if __name__ == "__main__":
    unittest.main()
