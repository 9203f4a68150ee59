"""Routes and settings of the gateway, and the warm-up schedules."""

import json
import unittest

from translation import FUNCTIONS, ISSUER, deployed, of_type


class Gateway(unittest.TestCase):
    def test_every_route_invokes_the_alias_of_its_function(self):
        found = deployed()
        paths = found["Api"]["Properties"]["Body"]["paths"]
        self.assertEqual(set(paths), {f"/calendly/{name}" for name in FUNCTIONS.values()})
        for logical_id, function in FUNCTIONS.items():
            path = paths[f"/calendly/{function}"]
            # A route for OPTIONS would receive preflights, and its authorizer would refuse them:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
            self.assertEqual(set(path), {"get"})
            integration = path["get"]["x-amazon-apigateway-integration"]
            self.assertEqual(integration["payloadFormatVersion"], "2.0")
            self.assertIn(f"/functions/<{logical_id}Aliaslive>/invocations", integration["uri"])
            permission = found[f"{logical_id}RequestPermission"]["Properties"]
            self.assertEqual(permission["FunctionName"], f"<{logical_id}Aliaslive>")
            self.assertTrue(permission["SourceArn"].endswith(f"/GET/calendly/{function}"))

    def test_the_authorizer_is_optional(self):
        def body(**parameters):
            return deployed(**parameters)["Api"]["Properties"]["Body"]

        for path in body()["paths"].values():
            self.assertNotIn("security", path["get"])
        self.assertNotIn("components", body())
        guarded = body(GatewayAuthorizer="ENABLED")
        [(name, scheme)] = guarded["components"]["securitySchemes"].items()
        for path in guarded["paths"].values():
            self.assertEqual(path["get"]["security"], [{name: []}])
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        self.assertEqual(authorizer["type"], "jwt")
        self.assertEqual(
            authorizer["jwtConfiguration"], {"issuer": ISSUER, "audience": ["one", "two"]}
        )

    def test_the_default_endpoint_is_on_unless_disabled(self):
        name = "x-amazon-apigateway-endpoint-configuration"
        self.assertNotIn(name, deployed()["Api"]["Properties"]["Body"])
        body = deployed(DefaultEndpoint="DISABLED")["Api"]["Properties"]["Body"]
        self.assertEqual(body[name], {"disableExecuteApiEndpoint": True})

    def test_throttling_and_the_access_log(self):
        found = deployed(ThrottlingRateLimit=7, ThrottlingBurstLimit=9)
        [stage] = of_type(found, "AWS::ApiGatewayV2::Stage").values()
        self.assertEqual(
            stage["DefaultRouteSettings"], {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "9"}
        )
        self.assertEqual(stage["AccessLogSettings"]["DestinationArn"], "<AccessLogs.Arn>")
        line = json.loads(stage["AccessLogSettings"]["Format"])
        self.assertLessEqual(
            {"time", "route", "status", "request_id", "function_request_id"}, set(line)
        )
        self.assertTrue(all(value.startswith("$context.") for value in line.values()))
        self.assertNotIn("authorization", json.dumps(line).lower().replace("authorizer", ""))


class WarmUp(unittest.TestCase):
    def test_a_schedule_warms_up_the_alias_of_each_function_without_retries(self):
        for state in ("ENABLED", "DISABLED"):
            found = deployed(WarmUp=state)
            schedules = of_type(found, "AWS::Scheduler::Schedule")
            self.assertEqual(
                {schedule["Target"]["Arn"] for schedule in schedules.values()},
                {f"<{name}Aliaslive>" for name in FUNCTIONS},
            )
            for schedule in schedules.values():
                self.assertEqual(schedule["State"], state)
                self.assertEqual(schedule["ScheduleExpression"], "rate(5 minutes)")
                self.assertEqual(schedule["Target"]["RetryPolicy"], {"MaximumRetryAttempts": 0})
                self.assertEqual(json.loads(schedule["Target"]["Input"]), {"warmer": True})
        for invocation in of_type(found, "AWS::Lambda::EventInvokeConfig").values():
            self.assertEqual(invocation["MaximumRetryAttempts"], 0)
            self.assertEqual(invocation["Qualifier"], "live")


if __name__ == "__main__":
    unittest.main()
