"""Parameters of the template: accepted values, refused values, and documentation."""

import unittest

from combinations import AUDIENCE, ISSUER, combinations, contradicts
from resolver import ROOT, SECRETS, source
from translation import refusals, refused_values


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
                "https://a.example,"[:-1] + "/",
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

    def test_the_first_group_has_the_ten_that_most_stacks_set(self):
        first, *_ = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        self.assertEqual(len(first["Parameters"]), 10)
        required = [n for n, p in source()["Parameters"].items() if "Default" not in p]
        self.assertLessEqual(set(required), set(first["Parameters"]))


class Rules(unittest.TestCase):
    def test_rules_refuse_exactly_the_contradictions(self):
        refused = 0
        for parameters in combinations():
            found = refusals(**parameters)
            self.assertEqual(bool(found), contradicts(parameters), (parameters, found))
            refused += bool(found)
        self.assertGreater(refused, 0)

    def test_rules_say_what_to_do(self):
        for parameters, word in [
            ({}, "Set either JwtIssuer"),
            ({"JwtIssuer": ISSUER, "JwtSecretId": "a"}, "but not both"),
            ({"JwtJwksUrl": ISSUER}, "JwtJwksUrl needs JwtIssuer"),
            ({"JwtSecretId": "a", "GatewayAuthorizer": "ENABLED"}, "needs JwtIssuer"),
        ]:
            self.assertIn(word, " ".join(refusals(**AUDIENCE, **parameters)))


if __name__ == "__main__":
    unittest.main()
