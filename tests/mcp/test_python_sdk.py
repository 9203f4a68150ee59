"""The official Python SDK as a client, in both generations of the protocol."""

import unittest

import httpx2
import server
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


class PythonSdk(unittest.IsolatedAsyncioTestCase):
    async def each_mode(self, check):
        for mode, version in (("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")):
            with self.subTest(mode):
                async with httpx2.AsyncClient(
                    headers={"Authorization": f"Bearer {server.token()}"}, trust_env=False, timeout=40
                ) as http:
                    async with Client(streamable_http_client(server.URL, http_client=http), mode=mode) as client:
                        self.assertEqual(client.protocol_version, version)
                        await check(client)

    async def test_tools_are_listed_and_called(self):
        async def check(client):
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            self.assertEqual(set(tools), {"check_availability", "list_event_types", "get_user"})
            self.assertTrue(all(tool.annotations.read_only_hint for tool in tools.values()))
            # The client checks structured content against the output schema.
            user = await client.call_tool("get_user", {})
            self.assertTrue(user.structured_content["uri"].startswith("https://api.calendly.com/users/"))
            types = (await client.call_tool("list_event_types", {})).structured_content["event_types"]
            arguments = {"event_types": [types[0]["slug"]], "timezone": "Europe/Lisbon", "max_times": 3}
            result = await client.call_tool("check_availability", arguments)
            times = [time for day in result.structured_content["days"] for time in day["times"]]
            self.assertEqual((len(times), result.structured_content["more"]), (3, True))
            self.assertIn("(Europe/Lisbon)", result.content[0].text)

        await self.each_mode(check)

    async def test_problems_are_results_and_wrong_messages_are_errors(self):
        async def check(client):
            result = await client.call_tool("check_availability", {"start": "next Tuesday"})
            self.assertTrue(result.is_error)
            self.assertEqual(result.structured_content["parameter"], "start")
            self.assertEqual(result.content[0].text, result.structured_content["detail"])
            with self.assertRaises(MCPError) as raised:
                await client.call_tool("book", {})
            self.assertEqual(raised.exception.error.code, -32602)

        await self.each_mode(check)


if __name__ == "__main__":
    unittest.main()
