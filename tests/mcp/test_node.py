"""The official TypeScript SDKs as clients, and the official conformance tests."""

import json
import os
import subprocess
import unittest
from pathlib import Path

import server
from proxy import Proxy

PACKAGES = Path(os.environ["NODE_PACKAGES"])
PROXY_PORT = int(os.environ["PROXY_PORT"])
SECONDS = 60
# The other scenarios call tools, prompts and resources of a server that is made for them.
SCENARIOS = ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


class TypeScriptSdks(unittest.TestCase):
    def test_both_generations(self):
        script = Path(__file__).parent / "client.mjs"
        ended = run("node", script, server.URL, server.token(), PACKAGES)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        expected = {
            "tools": ["check_availability", "list_event_types", "get_user"],
            "more": True,
            "isError": True,
            "parameter": "start",
        }
        self.assertEqual(json.loads(ended.stdout), {"sdk": expected, "client": expected})


class Conformance(unittest.TestCase):
    def test_scenarios_that_apply(self):
        with Proxy(server.URL, server.token(), PROXY_PORT) as proxy:
            for scenario in SCENARIOS:
                with self.subTest(scenario):
                    command = [PACKAGES / "node_modules/.bin/conformance", "server", "--url", proxy.url]
                    ended = run(*command, "--scenario", scenario)
                    self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main()
