"""Permissions of the functions and of the deployment hook."""

import json
import re
import unittest

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from resolver import SECRETS, source
from translation import FUNCTIONS, SIMPLEST, as_list, deployed, of_type, translate

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0-1"
WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]


def allowed(found, role):
    """The statements of a role's policies, without their ids."""
    documents = [policy["PolicyDocument"] for policy in found[role]["Properties"].get("Policies", [])]
    documents += [
        policy["PolicyDocument"]
        for name, policy in of_type(found, "AWS::IAM::ManagedPolicy").items()
        if names(role, name.rpartition(".")[0]) & set(policy["Roles"])
    ]
    return [
        {key: value for key, value in statement.items() if key != "Sid"}
        for document in documents
        for statement in document["Statement"]
    ]


def names(role, stack):
    """The resolved references to a role in a stack's policies."""
    own = role.rpartition(".")[2]
    return {f"<{own}>"} if role.startswith(f"{stack}.") else {f"<Roles.Outputs.{own}Name>"}


def role_of(function):
    return f"Roles.{function.removesuffix('Function')}Role"


def shared(**parameters):
    """The statements that all functions share: all but those about logs."""
    found = deployed(**parameters)
    [first, *others] = [
        [s for s in allowed(found, role_of(function)) if s["Action"] != WRITE_LOGS]
        for function in FUNCTIONS
    ]
    assert others == [first] * 2
    return first


def reads(*resource):
    return {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": resource[0] if len(resource) == 1 else list(resource),
    }


class Functions(unittest.TestCase):
    def test_each_may_only_read_its_secrets_and_write_its_own_log(self):
        found = deployed()
        for function in FUNCTIONS:
            stem = function.removesuffix("Function")
            self.assertEqual(
                found[function]["Properties"]["Role"], f"<Roles.Outputs.{stem}Role>"
            )
            logs = {"Effect": "Allow", "Action": WRITE_LOGS, "Resource": f"<{stem}Logs.Arn>"}
            secret = reads(SECRETS + "<CalendlyPatSecret>")
            self.assertCountEqual(allowed(found, role_of(function)), [logs, secret])

    def test_every_role_trusts_one_service(self):
        trusted = {}
        for name, role in of_type(deployed(), "AWS::IAM::Role").items():
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            trusted[name] = statement["Principal"]["Service"]
        functions = [*map(role_of, FUNCTIONS), "Hook.Role"]
        self.assertEqual(
            trusted,
            dict.fromkeys(functions, "lambda.amazonaws.com")
            | {
                "Roles.DeploymentRole": "codedeploy.amazonaws.com",
                "Roles.ScheduleRole": "scheduler.amazonaws.com",
            },
        )

    def test_every_role_has_the_permissions_boundary(self):
        for name, role in of_type(deployed(), "AWS::IAM::Role").items():
            self.assertNotIn("PermissionsBoundary", role, name)
        for name, role in of_type(deployed(PermissionsBoundaryArn=BOUNDARY), "AWS::IAM::Role").items():
            self.assertEqual(role["PermissionsBoundary"], BOUNDARY, name)


class Updates(unittest.TestCase):
    """The live versions keep their permissions until the aliases have moved."""

    def test_permissions_that_parameters_change_are_in_policies_that_are_replaced(self):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", "AWS::IAM::ManagedPolicy").schema
        immutable = {name.rpartition("/")[2] for name in schema["createOnlyProperties"]}
        found = deployed(SecretsKmsKeyArn=KEY, SharedCache="ENABLED", CallerHash="ENABLED")
        policies = of_type(found, "AWS::IAM::ManagedPolicy")
        self.assertEqual(set(policies), {"FunctionsPolicy", "Roles.KeyPolicy"})
        for policy in policies.values():
            numbered = {k for k, v in policy.items() if "<Configuration.VersionNumber>" in str(v)}
            self.assertTrue(numbered & immutable, policy)
            self.assertNotIn("ManagedPolicyName", policy)

    def test_roles_hold_only_permissions_that_no_parameter_changes(self):
        changed = deployed(
            CalendlyPatSecretId="other", SecretsKmsKeyArn=KEY, SharedCache="ENABLED",
            CallerHash="ENABLED", AvailabilityCacheSeconds=15,
        )
        for name, role in of_type(deployed(), "AWS::IAM::Role").items():
            self.assertEqual(role, changed[name]["Properties"], name)

    def test_functions_wait_for_their_policies(self):
        entries = translate(**SIMPLEST)["Resources"]
        for function in FUNCTIONS:
            self.assertIn("FunctionsPolicy", as_list(entries[function]["DependsOn"]))
        for encrypted in ("CalendlyPatSecret", "CallerHashKey", "CacheTable"):
            self.assertIn("Roles", as_list(entries[encrypted]["DependsOn"]))

    def test_every_parameter_of_a_policy_is_in_the_record(self):
        policy = json.dumps(source()["Resources"]["FunctionsPolicy"])
        given = json.dumps(source()["Resources"]["Roles"]["Properties"]["Parameters"])
        record = source()["Resources"]["Configuration"]["Properties"]["Content"]["Fn::Sub"]
        for name in source()["Parameters"]:
            used = re.search(rf'(\{{|"){name}(\}}|")', policy + given)
            if used and name not in ("PermissionsBoundaryArn",):
                self.assertIn(f"${{{name}}}", record)


class Secrets(unittest.TestCase):
    def test_readable_secrets(self):
        arn = SECRETS + "calendly/pat-AbCdEf"
        partial = SECRETS + "calendly/pat"
        for pat, resource in {
            "calendly/pat": [SECRETS + "calendly/pat-??????"],
            arn: [arn, arn + "-??????"],
            partial: [partial, partial + "-??????"],
            "calendly/pat/{sub}": [SECRETS + "calendly/pat/*"],
            SECRETS + "pat/{sub}-x": [SECRETS + "pat/*"],
        }.items():
            self.assertEqual(shared(CalendlyPatSecretId=pat), [reads(*resource)], pat)

    def test_the_signing_secret(self):
        pat = reads(SECRETS + "pat-??????")
        arn = SECRETS + "jwt-AbCdEf"
        for secret, resource in {
            "jwt/secret": [SECRETS + "jwt/secret-??????"],
            arn: [arn, arn + "-??????"],
        }.items():
            found = shared(JwtSecretId=secret, CalendlyPatSecretId="pat")
            self.assertEqual(found, [pat, reads(*resource)])

    def test_the_key_is_for_secrets_manager_only(self):
        [_, decrypt] = shared(SecretsKmsKeyArn=KEY)
        self.assertEqual((decrypt["Action"], decrypt["Resource"]), ("kms:Decrypt", KEY))
        self.assertEqual(
            decrypt["Condition"],
            {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}},
        )
        self.assertEqual(
            deployed(SecretsKmsKeyArn=KEY)["CalendlyPatSecret"]["Properties"]["KmsKeyId"], KEY
        )

    def test_the_key_is_for_the_table_too(self):
        services = {
            statement["Condition"]["StringEquals"]["kms:ViaService"]: statement["Action"]
            for statement in shared(SecretsKmsKeyArn=KEY, SharedCache="ENABLED")
            if statement["Resource"] == KEY
        }
        self.assertEqual(
            set(services), {f"{name}.eu-west-1.amazonaws.com" for name in ("secretsmanager", "dynamodb")}
        )
        self.assertNotIn("kms:CreateGrant", services["dynamodb.eu-west-1.amazonaws.com"])

    def test_the_key_of_caller_hashes_is_optional(self):
        found = deployed(CallerHash="ENABLED")
        key = found["CallerHashKey"]["Properties"]
        self.assertGreaterEqual(key["GenerateSecretString"]["PasswordLength"], 32)
        [_, read] = shared(CallerHash="ENABLED")
        self.assertEqual(read["Action"], "secretsmanager:GetSecretValue")
        self.assertIn("CallerHashKey", read["Resource"])
        self.assertNotIn("CallerHashKey", deployed())
        for function in FUNCTIONS:
            variables = found[function]["Properties"]["Environment"]["Variables"]
            self.assertIn("CallerHashKey", variables["CALLER_HASH_SECRET_ID"])

    def test_a_created_secret_is_empty(self):
        secret = deployed()["CalendlyPatSecret"]["Properties"]
        self.assertEqual(set(secret), {"Description"})
        self.assertNotIn("CalendlyPatSecret", deployed(CalendlyPatSecretId="calendly/pat"))


class Hook(unittest.TestCase):
    def test_it_may_only_invoke_versions_report_and_write_its_log(self):
        found = deployed()
        lambda_arn = "arn:aws:lambda:eu-west-1:123456789012:function:"
        functions = [found[name]["Properties"]["FunctionName"] for name in FUNCTIONS] + ["stack-mcp"]
        self.assertCountEqual(
            allowed(found, "Hook.Role"),
            [
                {
                    "Effect": "Allow",
                    "Action": "lambda:InvokeFunction",
                    "Resource": [f"{lambda_arn}{name}:*" for name in functions],
                },
                {
                    "Effect": "Allow",
                    "Action": "codedeploy:PutLifecycleEventHookExecutionStatus",
                    "Resource": "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:"
                    "<ServerlessDeploymentApplication>/*",
                },
                {"Effect": "Allow", "Action": WRITE_LOGS, "Resource": "<Logs.Arn>"},
            ],
        )


class Schedules(unittest.TestCase):
    def test_they_may_only_invoke_the_live_versions(self):
        functions = [f"arn:aws:lambda:eu-west-1:123456789012:function:stack-{name}:live" for name in FUNCTIONS.values()]
        invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions}
        self.assertEqual(allowed(deployed(), "Roles.ScheduleRole"), [invoke])


if __name__ == "__main__":
    unittest.main()
