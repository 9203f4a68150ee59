"""Parameters of the template: accepted values, refused values, and documentation."""

import unittest

from resolver import ROOT, SECRETS, source
from translation import ISSUER, refusals, refused_values

AUDIENCE = {"JwtAudience": "one,two"}


class Parameters(unittest.TestCase):
    def test_each_parameter_has_a_description_a_constraint_and_one_group(self):
        groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        self.assertCountEqual(grouped, source()["Parameters"])
        for name, parameter in source()["Parameters"].items():
            self.assertTrue(parameter.get("Description"), name)
            limits = {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
            self.assertTrue(limits, f"{name} accepts any value")

    def test_the_page_on_configuration_names_each_parameter(self):
        page = (ROOT / "docs" / "configuration.md").read_text()
        for name in source()["Parameters"]:
            self.assertIn(f"`{name}`", page)

    def test_good_values_are_accepted(self):
        for parameters in [
            {},
            {"JwtAudience": "one"},
            {"JwtAudience": "https://api.example.com,client-1"},
            {"CalendlyPatSecretId": "calendly/{tenant}/{sub}-pat"},
            {"CalendlyPatSecretId": "pat-{tenant}-of/user-{sub}/x"},
            {"CalendlyPatSecretId": SECRETS + "calendly/{sub}"},
            {"CalendlyPatSecretId": SECRETS + "calendly/pat-AbCdEf"},
            {"CorsAllowOrigins": "http://localhost:3000,https://a.example"},
            {"PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/team/boundary"},
            {"AlarmTopicArn": "arn:aws-cn:sns:cn-north-1:123456789012:alarms"},
            {"JwtRequiredScope": "calendly:read"},
            {"EventTypeFields": "name,slug,internal_note"},
            {"IncludeSecretEventTypes": "false"},
            {"JwtIssuer": ISSUER, "JwtJwksUrl": f"{ISSUER}/keys?tenant=1"},
        ]:
            self.assertEqual(refused_values(AUDIENCE | parameters), [], parameters)

    def test_bad_values_are_refused(self):
        for name, values in {
            "JwtAudience": ["", " ", "one, two", ",", "one,"],
            "CalendlyPatSecretId": ["{sub}", "a/{sub", "a/{}", "a b", "a}", "a/{b}{c}", "a/{b}-{c}", "a/{b}/{c}-{d}"],
            "CorsAllowOrigins": [
                "https://a.example/path",
                "a.example",
                "https://a.example/",
            ],
            "SecretsKmsKeyArn": ["alias/key", "arn:aws:kms:eu-west-1:123456789012:alias/key"],
            "AlarmTopicArn": ["alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms"],
            "JwtIssuer": ["issuer.example.com", "http://issuer.example.com", f"{ISSUER}?x=1"],
            "JwtJwksUrl": ["http://issuer.example.com/keys"],
            "PermissionsBoundaryArn": ["boundary", "arn:aws:iam::123456789012:role/boundary"],
            "Architecture": ["arm", "x86"],
            "LogRetentionDays": ["2"],
            "GatewayAuthorizer": ["true"],
            "EventTypeFields": ["name, slug", ",", "name,"],
            "IncludeSecretEventTypes": ["no", "False"],
            "Alarms": ["true"],
            "DefaultEndpoint": ["false"],
            "ThrottlingRateLimit": ["0", "10001", "1.5"],
            "ProvisionedConcurrency": ["-1"],
            "AvailabilityCacheSeconds": ["-1", "301"],
            "AvailabilityStaleSeconds": ["-1", "3601"],
            "SharedCache": ["true"],
        }.items():
            for value in values:
                self.assertEqual(refused_values(AUDIENCE | {name: value}), [name], value)

    def test_every_pattern_says_what_is_accepted(self):
        for name, parameter in source()["Parameters"].items():
            if "AllowedPattern" in parameter:
                self.assertRegex(parameter["ConstraintDescription"], "^must be ", name)


class Rules(unittest.TestCase):
    def test_rules_refuse_exactly_the_contradictions_and_say_what_to_do(self):
        issuer, secret, keys = {"JwtIssuer": ISSUER}, {"JwtSecretId": "jwt/secret"}, {"JwtJwksUrl": f"{ISSUER}/keys"}
        needs_issuer, needs_discovery = "so it needs JwtIssuer", "so JwtJwksUrl must be empty"
        for parameters, refusal, with_authorizer in [
            (issuer, None, None),
            (issuer | keys, None, needs_discovery),
            (secret, None, needs_issuer),
            ({}, "Set either JwtIssuer", "Set either JwtIssuer"),
            (keys, "JwtJwksUrl needs JwtIssuer", "JwtJwksUrl needs JwtIssuer"),
            (issuer | secret, "but not both", "but not both"),
            (secret | keys, "JwtJwksUrl needs JwtIssuer", needs_issuer),
        ]:
            for given, expected in (
                (parameters, refusal),
                (parameters | {"GatewayAuthorizer": "ENABLED"}, with_authorizer),
            ):
                found = " ".join(refusals(**given))
                self.assertEqual(bool(found), bool(expected), (given, found))
                self.assertIn(expected or "", found)


if __name__ == "__main__":
    unittest.main()
