"""The local gateway answers when a function fails or is throttled."""

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


class Emulator(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        scripts = {"exits": "#!/bin/sh\nexit 3\n", "hangs": "#!/bin/sh\nexec sleep 9\n"}
        routes = {f"GET /{name}": name for name in scripts}
        self.enterContext(mock.patch.multiple(local, BINARIES=folder, ROUTES=routes, FUNCTION_TIMEOUT=1))
        self.enterContext(mock.patch.object(lambda_emulator, "INIT_SECONDS", 1))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        for name, text in scripts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.functions = {name: lambda_emulator.Function(name) for name in scripts}
        template = (description.ROOT / "template.yaml").read_text()
        self.gateway = gateway.Gateway(("127.0.0.1", 0), self.functions, [], template)
        threading.Thread(target=self.gateway.serve_forever, daemon=True).start()
        self.addCleanup(self.gateway.server_close)
        self.addCleanup(self.gateway.shutdown)
        self.addCleanup(self.stop_functions)

    def stop_functions(self):
        for function in self.functions.values():
            while not function._environments.empty():
                if environment := function._environments.get():
                    environment.stop()

    def check(self, path, status, message):
        """Asserts that a GET is answered with this error of the gateway."""
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.server_port}{path}", timeout=20)
        self.assertEqual((raised.exception.code, json.load(raised.exception)), (status, {"message": message}))

    def test_functions_that_exit_or_hang_are_errors(self):
        for path in ("/exits", "/hangs"):
            self.check(path, 500, "Internal Server Error")

    def test_requests_above_the_limit_are_throttled(self):
        with mock.patch.object(lambda_emulator, "MAX_ENVIRONMENTS", 0):
            self.functions["hangs"] = lambda_emulator.Function("hangs")
        self.check("/hangs", 503, "Service Unavailable")


if __name__ == "__main__":
    unittest.main()
