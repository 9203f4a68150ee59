"""Permissions of the functions.

`make rehearse` shows that each permission is needed, and that they suffice.
"""

import json
import re
import unittest

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from resolver import SECRETS, source
from translation import FUNCTIONS, SIMPLEST, as_list, deployed, of_type, translate

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0-1"


def shared(**parameters):
    """The statements of the policies of all functions, without their ids."""
    return [
        {key: value for key, value in statement.items() if key != "Sid"}
        for policy in of_type(deployed(**parameters), "AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def reads(*resource):
    return {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": resource[0] if len(resource) == 1 else list(resource),
    }


class Roles(unittest.TestCase):
    def test_every_role_trusts_one_service(self):
        trusted = {}
        for name, role in of_type(deployed(), "AWS::IAM::Role").items():
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            trusted[name] = statement["Principal"]["Service"]
        functions = [f"Roles.{name.removesuffix('Function')}Role" for name in FUNCTIONS] + ["Hook.Role"]
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


if __name__ == "__main__":
    unittest.main()
