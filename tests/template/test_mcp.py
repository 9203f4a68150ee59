"""The function mcp, which exists only with McpServer."""

import json
import unittest

from translation import MCP, deployed, of_type, refusals

ROUTE, METADATA = "/calendly/mcp", "/.well-known/oauth-protected-resource/calendly/mcp"


def enabled(**parameters):
    return deployed(McpServer="ENABLED", **parameters)


class Disabled(unittest.TestCase):
    def test_no_mcp_resources_when_disabled(self):
        names = [name for name in deployed() if "mcp" in name.lower()]
        self.assertEqual(names, [])
        self.assertNotIn(ROUTE, deployed()["Api"]["Properties"]["Body"]["paths"])

    def test_its_settings_are_refused(self):
        for name in ("McpPublicUrl", "McpAllowedOrigins"):
            found = refusals(JwtAudience="a", JwtIssuer="https://i.example", **{name: "https://a.example"})
            self.assertEqual(found, ["McpPublicUrl and McpAllowedOrigins need McpServer."])


class Routes(unittest.TestCase):
    def test_every_method_but_options_reaches_it(self):
        paths = enabled(CorsAllowOrigins="*")["Api"]["Properties"]["Body"]["paths"]
        self.assertEqual(set(paths[ROUTE]), {"get", "post", "put", "patch", "delete", "head"})
        self.assertEqual(set(paths[METADATA]), {"get"})
        for operations in (paths[ROUTE], paths[METADATA]):
            for operation in operations.values():
                uri = operation["x-amazon-apigateway-integration"]["uri"]
                self.assertTrue(uri.endswith(":function:stack-mcp:live/invocations"), uri)

    def test_the_gateway_may_invoke_it(self):
        permission = enabled()["McpPermission"]["Properties"]
        self.assertEqual(permission["FunctionName"], f"<{MCP}Aliaslive>")
        self.assertTrue(permission["SourceArn"].endswith(":<Api>/*/*/*"), permission)

    def test_the_authorizer_does_not_apply(self):
        paths = enabled(GatewayAuthorizer="ENABLED")["Api"]["Properties"]["Body"]["paths"]
        self.assertNotIn("security", json.dumps([paths[ROUTE], paths[METADATA]]))
        self.assertIn("security", paths["/calendly/user"]["get"])


class Function(unittest.TestCase):
    def test_variables_are_the_parameters(self):
        found = enabled(McpPublicUrl="https://a.example/x", McpAllowedOrigins="https://b.example")
        variables = found[MCP]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["MCP_PUBLIC_URL"], "https://a.example/x")
        self.assertEqual(variables["MCP_ALLOWED_ORIGINS"], "https://b.example")
        self.assertEqual(variables["JWT_AUDIENCE"], "one,two")
        self.assertNotIn("MCP_PUBLIC_URL", found["UserFunction"]["Properties"]["Environment"]["Variables"])

    def test_hook_and_canary_know_it(self):
        found = enabled()
        self.assertIn(f"<{MCP}Version", found["Hook"]["Properties"]["Parameters"]["Versions"])
        group = found[f"{MCP}DeploymentGroup"]["Properties"]
        self.assertEqual(len(group["AlarmConfiguration"]["Alarms"]), 3)
        self.assertNotIn("McpCanary", enabled(Alarms="DISABLED"))

    def test_it_is_warmed_up(self):
        targets = {s["Target"]["Arn"] for s in of_type(enabled(), "AWS::Scheduler::Schedule").values()}
        self.assertIn(f"<{MCP}Aliaslive>", targets)


if __name__ == "__main__":
    unittest.main()
