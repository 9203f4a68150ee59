"""Messages against the types of each revision, which the SDK generates from the specification's schemas."""

import unittest

import server
from mcp_types import methods
from pydantic import TypeAdapter

STATELESS = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": STATELESS,
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALLS = [
    ("get_user", {}),
    ("list_event_types", {}),
    ("check_availability", {"max_times": 2}),
    ("check_availability", {"start": "soon"}),
]


class Messages(unittest.TestCase):
    def check(self, version, method, params):
        """The result of a request, valid in this version."""
        headers = {"MCP_Protocol_Version": version}
        if version == STATELESS:
            params = params | {"_meta": META}
            headers |= {"Mcp_Method": method} | ({"Mcp_Name": params["name"]} if "name" in params else {})
        answer = server.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, **headers)
        self.assertEqual(answer.status_code, 200, answer.text)
        result = answer.json()["result"]
        TypeAdapter(methods.SERVER_RESULTS[method, version]).validate_python(result)
        return result

    def test_results_of_each_version(self):
        for version in ("2025-03-26", "2025-06-18", "2025-11-25", STATELESS):
            with self.subTest(version):
                self.check(version, "tools/list", {})
                for name, arguments in CALLS:
                    self.check(version, "tools/call", {"name": name, "arguments": arguments})
                if version == STATELESS:
                    self.check(version, "server/discover", {})
                else:
                    client = {"name": "test", "version": "1"}
                    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
                    result = self.check(version, "initialize", params)
                    self.assertEqual(result["protocolVersion"], version)
                    self.check(version, "ping", {})

    def test_errors_of_the_stateless_version(self):
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
        mismatch = server.post(message, MCP_Protocol_Version=STATELESS, Mcp_Method="tools/call")
        self.assertEqual((mismatch.status_code, mismatch.json()["error"]["code"]), (400, -32020))
        unsupported = server.post(message | {"params": {}}, MCP_Protocol_Version="1999-01-01")
        error = unsupported.json()["error"]
        self.assertEqual((unsupported.status_code, error["code"]), (400, -32022))
        self.assertEqual((error["data"]["requested"], error["data"]["supported"][0]), ("1999-01-01", STATELESS))


if __name__ == "__main__":
    unittest.main()
