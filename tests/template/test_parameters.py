"""The template's parameters: what they take, what they refuse, and that they are explained."""

import re
import unittest

from combinations import AUDIENCE, ISSUER, combinations, contradicts
from resolver import ROOT, SECRETS, source
from translation import refusals, refused_values


class Parameters(unittest.TestCase):
    def test_each_is_described_and_stands_in_one_group(self):
        groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        self.assertCountEqual(grouped, source()["Parameters"])
        for name, parameter in source()["Parameters"].items():
            self.assertTrue(parameter.get("Description"), name)
            limits = {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
            self.assertTrue(limits, f"{name} takes anything")

    def test_the_documentation_names_each(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        for name in source()["Parameters"]:
            self.assertIn(f"`{name}`", page)

    def test_each_variable_of_the_readme_has_a_parameter(self):
        readme = (ROOT / "README.md").read_text()
        table = readme[readme.index("## Configure it") : readme.index("## Deploy it")]
        documented = set(re.findall(r"`((?:CALENDLY|JWT|PAT|EVENT|INCLUDE|AVAILABILITY|CACHE)_[A-Z_]+)`", table))
        variables = source()["Globals"]["Function"]["Environment"]["Variables"]
        self.assertGreater(len(documented), 10)
        self.assertEqual(documented - set(variables), set())

    def test_good_values_are_taken(self):
        for parameters in [
            {},
            {"JwtAudience": "one"},
            {"JwtAudience": "https://api.example.com,client-1"},
            {"CalendlyPatSecretId": "calendly/{tenant}/{sub}-pat"},
            {"CalendlyPatSecretId": SECRETS + "calendly/pat-AbCdEf"},
            {"CorsAllowOrigins": "http://localhost:3000,https://a.example"},
            {"WarmUpSchedule": "cron(0/5 8-18 ? * MON-FRI *)"},
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
            "CalendlyPatSecretId": ["{sub}", "a/{sub", "a/{}", "a b", "a}"],
            "CorsAllowOrigins": [
                "https://a.example/path",
                "a.example",
                "https://a.example,"[:-1] + "/",
            ],
            "SecretsKmsKeyArn": ["alias/key", "arn:aws:kms:eu-west-1:123456789012:alias/key"],
            "AlarmTopicArn": ["alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms"],
            "JwtIssuer": ["issuer.example.com", "ftp://issuer.example.com", f"{ISSUER}?x=1"],
            "WarmUpSchedule": ["5 minutes", "at(2030-01-01T00:00:00)"],
            "Architecture": ["arm", "x86"],
            "LogLevel": ["info"],
            "LogRetentionDays": ["2"],
            "GatewayAuthorizer": ["true"],
            "EventTypeFields": ["name, slug", ",", "name,"],
            "IncludeSecretEventTypes": ["no", "False"],
            "Alarms": ["true"],
            "Tracing": ["Active"],
            "ThrottlingRateLimit": ["0", "10001", "1.5"],
            "CalendlyTimeoutMs": ["0", "28001"],
            "ProvisionedConcurrency": ["-1"],
            "AvailabilityCacheSeconds": ["-1", "301"],
            "AvailabilityStaleSeconds": ["-1", "3601"],
            "SharedCache": ["true"],
        }.items():
            for value in values:
                self.assertEqual(refused_values(AUDIENCE | {name: value}), [name], value)


class Rules(unittest.TestCase):
    def test_they_refuse_what_contradicts_itself_and_nothing_else(self):
        refused = 0
        for parameters in combinations():
            found = refusals(**parameters)
            self.assertEqual(bool(found), contradicts(parameters), (parameters, found))
            refused += bool(found)
        self.assertGreater(refused, 0)

    def test_they_say_what_to_do(self):
        for parameters, word in [
            ({}, "Set JwtIssuer"),
            ({"JwtIssuer": ISSUER, "JwtSecretId": "a"}, "not both"),
            ({"JwtJwksUrl": ISSUER}, "JwtJwksUrl needs JwtIssuer"),
            ({"JwtSecretId": "a", "GatewayAuthorizer": "ENABLED"}, "needs JwtIssuer"),
        ]:
            self.assertIn(word, " ".join(refusals(**AUDIENCE, **parameters)))


if __name__ == "__main__":
    unittest.main()
