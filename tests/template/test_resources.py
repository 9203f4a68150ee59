"""What the template deploys, under every combination of parameters that its rules allow."""

import json
import unittest

import cfnlint.api
from cfnlint.config import ManualArgs
from combinations import AUDIENCE, ISSUER, KINDS, SECRET_ARN, allowed
from translation import FUNCTIONS, resolve, source, translate, with_conditions_applied

SIMPLEST = AUDIENCE | {"JwtIssuer": ISSUER}
SECRET_IN_ACCOUNT = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
# Of one type, one a function, by the function's name less "Function".
OWN = {
    "Logs": "AWS::Logs::LogGroup",
    "InternalErrors": "AWS::Logs::MetricFilter",
    "ErrorsAlarm": "AWS::CloudWatch::Alarm",
    "ThrottlesAlarm": "AWS::CloudWatch::Alarm",
    "DurationAlarm": "AWS::CloudWatch::Alarm",
}


def resources(**parameters):
    """The resources of a deployment with these parameters, by logical id."""
    parameters = SIMPLEST | parameters
    if "JwtSecretId" in parameters:
        del parameters["JwtIssuer"]
    return resolve(translate(**parameters), **parameters)[0]


def of_type(found, kind):
    return {name: entry["Properties"] for name, entry in found.items() if entry["Type"] == kind}


class EveryCombination(unittest.TestCase):
    """All that the rules allow translate; cfn-lint sees each resource in each form that it has."""

    def test_they_translate_and_pass_the_linter(self):
        translated = translate(**SIMPLEST)
        forms, count = {}, 0
        for parameters in allowed():
            count += 1
            found, outputs = resolve(translated, **parameters)
            self.assertEqual(set(FUNCTIONS), set(of_type(found, "AWS::Lambda::Function")))
            self.assertIn("BaseUrl", outputs)
            for name, entry in with_conditions_applied(translated, **parameters).items():
                forms.setdefault(name, {})[json.dumps(entry, sort_keys=True)] = entry
        # Four kinds of issuer, and the authorizer beside the first.
        self.assertEqual(count, (4 + 1) * 5 * 2 * 3 * 2 * 2 * 2 * 2)
        self.assertEqual(len(forms["SecretsPolicy"]), 5 * 3 * 2)
        self.assertEqual(lint(translated, forms), [])
        number = sum(map(len, forms.values()))
        print(f"\n{count} combinations: {number} forms of {len(forms)} resources")


def lint(translated, forms):
    """What cfn-lint says of the resources, all in one template; the first form keeps its name."""
    every_form = {
        f"{name}{number or ''}": entry
        for name, entries in forms.items()
        for number, entry in enumerate(entries.values())
    }
    # Together they contradict each other, but no resource knows that.
    given = dict(item for kind in KINDS.values() for values in kind for item in values.items())
    # The linter takes a parameter's default for its value.
    parameters = {
        name: entry | ({"Default": given[name]} if name in given else {})
        for name, entry in translated["Parameters"].items()
    }
    template = {"Parameters": parameters, "Resources": every_form}
    # Not that nothing uses a parameter (the outputs do, or a condition), nor that two forms of one
    # resource have the same name.
    arguments = ManualArgs(regions=["eu-west-1"], ignore_checks=["W2001", "E3019"])
    return [
        f"{match.rule.id} {match.message} ({match.path_string})"
        for match in cfnlint.api.lint(json.dumps(template), config=arguments)
    ]


class Functions(unittest.TestCase):
    def test_each_has_what_is_its_own(self):
        found = resources()
        for logical_id, function in FUNCTIONS.items():
            stem = logical_id.removesuffix("Function")
            for suffix, kind in OWN.items():
                self.assertEqual(found[stem + suffix]["Type"], kind)
            properties = found[logical_id]["Properties"]
            self.assertEqual(properties["FunctionName"], f"stack-{function}")
            self.assertEqual(properties["LoggingConfig"]["LogGroup"], f"<{stem}Logs>")
            self.assertEqual(properties["LoggingConfig"]["LogFormat"], "JSON")
            self.assertEqual(properties["TracingConfig"], {"Mode": "Active"})
            group = found[f"{stem}Logs"]["Properties"]
            self.assertEqual(group["LogGroupName"], f"/aws/lambda/stack-{function}")
            self.assertEqual(group["RetentionInDays"], "30")
            metric_filter = found[f"{stem}InternalErrors"]["Properties"]
            self.assertEqual(metric_filter["LogGroupName"], f"<{stem}Logs>")
            binary = source()["Resources"][logical_id]["Metadata"]["BuildProperties"]["Binary"]
            self.assertEqual(binary, function)

    def test_both_architectures(self):
        for architecture in ("arm64", "x86_64"):
            found = of_type(resources(Architecture=architecture), "AWS::Lambda::Function")
            self.assertEqual(
                [function["Architectures"] for function in found.values()], [[architecture]] * 3
            )

    def test_variables_are_the_parameters(self):
        found = resources(
            JwtAudience="aud",
            CalendlyPatSecretId="calendly/{sub}",
            LogLevel="DEBUG",
            PatCacheSeconds=7,
        )
        for logical_id in FUNCTIONS:
            properties = found[logical_id]["Properties"]
            variables = properties["Environment"]["Variables"]
            self.assertEqual(variables["JWT_AUDIENCE"], "aud")
            self.assertEqual(variables["JWT_ISSUER"], ISSUER)
            self.assertEqual(variables["JWT_SECRET_ID"], "")
            self.assertEqual(variables["CALENDLY_PAT_SECRET_ID"], "calendly/{sub}")
            self.assertEqual(variables["PAT_CACHE_SECONDS"], "7")
            self.assertEqual(properties["LoggingConfig"]["ApplicationLogLevel"], "DEBUG")

    def test_an_alias_moves_by_canary_and_back_by_alarm(self):
        found = resources()
        for logical_id in FUNCTIONS:
            stem = logical_id.removesuffix("Function")
            alias = found[f"{logical_id}Aliaslive"]
            self.assertEqual(alias["Properties"]["Name"], "live")
            update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["DeploymentGroupName"], f"<{logical_id}DeploymentGroup>")
            group = found[f"{logical_id}DeploymentGroup"]["Properties"]
            self.assertEqual(
                group["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes"
            )
            names = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
            self.assertEqual(names, [f"<{stem}ErrorsAlarm>", f"<{stem}DurationAlarm>"])
            self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])

    def test_a_changed_parameter_is_a_new_version(self):
        def content(**changed):
            return resources(**changed)["Configuration"]["Properties"]["Content"]

        versions = of_type(resources(), "AWS::Lambda::Version")
        self.assertEqual(len(versions), 3)
        for version in versions.values():
            self.assertEqual(version["Description"], "Configuration <Configuration.VersionNumber>")
        # Whatever parameter a function's own properties refer to; the alias's are no version's.
        settings = json.dumps(source()["Globals"]["Function"])
        used = {name for name in source()["Parameters"] if f'"{name}"' in settings}
        used.discard("ProvisionedConcurrency")
        self.assertIn("JwtAudience", used)
        written = {line.split("=")[0] for line in content().splitlines()}
        self.assertEqual(written, used)
        self.assertIn("\nJwtAudience=other\n", content(JwtAudience="other"))

    def test_provisioned_concurrency_is_the_aliases_and_optional(self):
        for wanted, expected in ((0, None), (2, {"ProvisionedConcurrentExecutions": "2"})):
            for alias in of_type(
                resources(ProvisionedConcurrency=wanted), "AWS::Lambda::Alias"
            ).values():
                self.assertEqual(alias.get("ProvisionedConcurrencyConfig"), expected)


class Permissions(unittest.TestCase):
    def test_a_function_writes_logs_and_traces_and_reads_its_secrets(self):
        found = resources()
        for logical_id in FUNCTIONS:
            role = found[f"{logical_id}Role"]["Properties"]
            self.assertCountEqual(
                role["ManagedPolicyArns"],
                [
                    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
                    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
                    "<SecretsPolicy>",
                ],
            )
            self.assertNotIn("Policies", role)
            self.assertEqual(found[logical_id]["Properties"]["Role"], f"<{logical_id}Role.Arn>")

    def test_which_secrets(self):
        arn = SECRET_ARN + "calendly/pat-AbCdEf"
        for pat, resource in {
            "": "<CalendlyPatSecret>",
            "calendly/pat": SECRET_IN_ACCOUNT + "calendly/pat-??????",
            arn: arn,
            "calendly/pat/{sub}": SECRET_IN_ACCOUNT + "calendly/pat/*",
            SECRET_ARN + "pat/{sub}-x": SECRET_ARN + "pat/*",
        }.items():
            self.assertEqual(statements(CalendlyPatSecretId=pat), [reads(resource)], pat)

    def test_the_signing_secret_and_the_key(self):
        arn = SECRET_ARN + "jwt-AbCdEf"
        for secret, resource in {
            "jwt/secret": SECRET_IN_ACCOUNT + "jwt/secret-??????",
            arn: arn,
        }.items():
            self.assertEqual(
                statements(JwtSecretId=secret), [reads("<CalendlyPatSecret>"), reads(resource)]
            )
        key = "arn:aws:kms:eu-west-1:123456789012:key/0-1"
        [_, decrypt] = statements(SecretsKmsKeyArn=key)
        self.assertEqual((decrypt["Action"], decrypt["Resource"]), ("kms:Decrypt", key))
        self.assertEqual(
            decrypt["Condition"],
            {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}},
        )
        self.assertEqual(
            resources(SecretsKmsKeyArn=key)["CalendlyPatSecret"]["Properties"]["KmsKeyId"], key
        )

    def test_a_created_secret_is_empty(self):
        secret = resources()["CalendlyPatSecret"]["Properties"]
        self.assertEqual(set(secret), {"Description"})
        self.assertNotIn("CalendlyPatSecret", resources(CalendlyPatSecretId="calendly/pat"))


def statements(**parameters):
    """What the functions' own policy allows, without the statements' names."""
    policy = resources(**parameters)["SecretsPolicy"]["Properties"]["PolicyDocument"]
    return [
        {key: value for key, value in statement.items() if key != "Sid"}
        for statement in policy["Statement"]
    ]


def reads(resource):
    return {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": resource}


class Gateway(unittest.TestCase):
    def test_every_route_reaches_the_alias_of_its_function(self):
        found = resources()
        paths = found["Api"]["Properties"]["Body"]["paths"]
        self.assertEqual(set(paths), {f"/calendly/{name}" for name in FUNCTIONS.values()})
        for logical_id, function in FUNCTIONS.items():
            path = paths[f"/calendly/{function}"]
            self.assertEqual(set(path), {"get"})
            integration = path["get"]["x-amazon-apigateway-integration"]
            self.assertEqual(integration["payloadFormatVersion"], "2.0")
            self.assertIn(f"/functions/<{logical_id}Aliaslive>/invocations", integration["uri"])
            permission = found[f"{logical_id}RequestPermission"]["Properties"]
            self.assertEqual(permission["FunctionName"], f"<{logical_id}Aliaslive>")
            self.assertTrue(permission["SourceArn"].endswith(f"/GET/calendly/{function}"))

    def test_the_authorizer_is_optional(self):
        def body(**parameters):
            return resources(**parameters)["Api"]["Properties"]["Body"]

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

    def test_cors_is_optional(self):
        def cors(**parameters):
            return resources(**parameters)["Api"]["Properties"]["Body"].get(
                "x-amazon-apigateway-cors"
            )

        self.assertIsNone(cors())
        found = cors(CorsAllowOrigins="https://a.example,https://b.example")
        self.assertEqual(found["allowOrigins"], ["https://a.example", "https://b.example"])
        self.assertEqual(found["allowHeaders"], ["authorization"])

    def test_throttling_and_the_access_log(self):
        found = resources(ThrottlingRateLimit=7, ThrottlingBurstLimit=9)
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
    def test_a_schedule_warms_the_alias_of_each_function_and_never_retries(self):
        for state in ("ENABLED", "DISABLED"):
            found = resources(WarmUp=state, WarmUpSchedule="rate(3 minutes)")
            schedules = of_type(found, "AWS::Scheduler::Schedule")
            self.assertEqual(
                {schedule["Target"]["Arn"] for schedule in schedules.values()},
                {f"<{name}Aliaslive>" for name in FUNCTIONS},
            )
            for schedule in schedules.values():
                self.assertEqual(schedule["State"], state)
                self.assertEqual(schedule["ScheduleExpression"], "rate(3 minutes)")
                self.assertEqual(schedule["Target"]["RetryPolicy"], {"MaximumRetryAttempts": 0})
                self.assertEqual(json.loads(schedule["Target"]["Input"]), {"warmer": True})
        for invocation in of_type(found, "AWS::Lambda::EventInvokeConfig").values():
            self.assertEqual(invocation["MaximumRetryAttempts"], 0)
            self.assertEqual(invocation["Qualifier"], "live")


if __name__ == "__main__":
    unittest.main()
