"""What the functions and the hook may do, which is what the README says of it."""

import json
import unittest

from combinations import deployed
from resolver import ROOT, SECRETS
from translation import FUNCTIONS, of_type

WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]


def allowed(found, role):
    """What a role of the stack allows: its statements without their names."""
    given = found[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in given.get("Policies", [])]
    stack = role.rpartition(".")[0]
    for arn in given.get("ManagedPolicyArns", []):
        documents.append(found[f"{stack}.{arn.strip('<>')}"]["Properties"]["PolicyDocument"])
    return [
        {key: value for key, value in statement.items() if key != "Sid"}
        for document in documents
        for statement in document["Statement"]
    ]


def role_of(function):
    return f"Permissions.{function.removesuffix('Function')}Role"


def shared(**parameters):
    """What all functions may do alike: all but their logs."""
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
    def test_each_reads_its_secrets_writes_its_own_logs_and_nothing_else(self):
        found = deployed()
        for function in FUNCTIONS:
            stem = function.removesuffix("Function")
            self.assertEqual(
                found[function]["Properties"]["Role"], f"<Permissions.Outputs.{stem}Role>"
            )
            logs = {"Effect": "Allow", "Action": WRITE_LOGS, "Resource": f"<{stem}Logs.Arn>"}
            arn = SECRETS + "<CalendlyPatSecret>"
            secret = reads(arn, arn + "-??????")
            self.assertCountEqual(allowed(found, role_of(function)), [logs, secret])

    def test_the_readme_says_so(self):
        readme = " ".join((ROOT / "README.md").read_text().split())
        self.assertIn(
            "Each function may read its secrets and write to its own log group, and nothing else;",
            readme,
        )

    def test_nobody_may_make_a_log_group(self):
        found = deployed(Tracing="ENABLED")
        policies = json.dumps([e for e in found.values() if e["Type"].startswith("AWS::IAM")])
        self.assertNotIn("CreateLogGroup", policies)
        self.assertNotIn("BasicExecutionRole", policies)

    def test_every_role_can_be_assumed_by_one_service(self):
        roles = of_type(deployed(), "AWS::IAM::Role")
        functions = [
            role for name, role in roles.items() if name.startswith(("Permissions", "Hook"))
        ]
        self.assertEqual(len(functions), 3 + 1)
        for role in functions:
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            self.assertEqual(statement["Principal"], {"Service": "lambda.amazonaws.com"})

    def test_traces_only_where_they_are_wanted(self):
        traces = {
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        }
        self.assertIn(traces, shared(Tracing="ENABLED"))
        self.assertNotIn(traces, shared())


class Secrets(unittest.TestCase):
    def test_which_are_read(self):
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

    def test_the_key_serves_secrets_manager_alone(self):
        key = "arn:aws:kms:eu-west-1:123456789012:key/0-1"
        [_, decrypt] = shared(SecretsKmsKeyArn=key)
        self.assertEqual((decrypt["Action"], decrypt["Resource"]), ("kms:Decrypt", key))
        self.assertEqual(
            decrypt["Condition"],
            {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}},
        )
        self.assertEqual(
            deployed(SecretsKmsKeyArn=key)["CalendlyPatSecret"]["Properties"]["KmsKeyId"], key
        )

    def test_the_key_serves_the_table_too_where_there_is_one(self):
        key = "arn:aws:kms:eu-west-1:123456789012:key/0-1"
        services = {
            statement["Condition"]["StringEquals"]["kms:ViaService"]: statement["Action"]
            for statement in shared(SecretsKmsKeyArn=key, SharedCache="ENABLED")
            if statement["Resource"] == key
        }
        self.assertEqual(
            set(services), {f"{name}.eu-west-1.amazonaws.com" for name in ("secretsmanager", "dynamodb")}
        )
        self.assertNotIn("kms:CreateGrant", services["dynamodb.eu-west-1.amazonaws.com"])

    def test_the_key_of_callers_hashes_is_made_and_read_only_where_it_is_wanted(self):
        found = deployed(CallerHash="ENABLED")
        key = found["Permissions.CallerHashKey"]["Properties"]
        self.assertGreaterEqual(key["GenerateSecretString"]["PasswordLength"], 32)
        [_, read] = shared(CallerHash="ENABLED")
        self.assertEqual(read["Action"], "secretsmanager:GetSecretValue")
        self.assertIn("CallerHashKey", read["Resource"])
        self.assertNotIn("Permissions.CallerHashKey", deployed())
        for function in FUNCTIONS:
            variables = found[function]["Properties"]["Environment"]["Variables"]
            self.assertIn("CallerHashSecretId", variables["CALLER_HASH_SECRET_ID"])

    def test_a_created_secret_is_empty(self):
        secret = deployed()["CalendlyPatSecret"]["Properties"]
        self.assertEqual(set(secret), {"Description"})
        self.assertNotIn("CalendlyPatSecret", deployed(CalendlyPatSecretId="calendly/pat"))


class Hook(unittest.TestCase):
    def test_it_tries_the_functions_answers_codedeploy_and_writes_its_logs(self):
        found = deployed()
        lambda_arn = "arn:aws:lambda:eu-west-1:123456789012:function:"
        functions = [found[name]["Properties"]["FunctionName"] for name in FUNCTIONS]
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


if __name__ == "__main__":
    unittest.main()
