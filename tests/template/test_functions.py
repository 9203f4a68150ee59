"""Functions of the template: settings, versions, and log groups."""

import json
import re
import unittest

from resolver import ROOT, source
from translation import FUNCTIONS, ISSUER, SIMPLEST, deployed, of_type, translate


class Functions(unittest.TestCase):
    def test_the_page_states_the_longest_stack_name(self):
        # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
        longest = 64
        functions = of_type(deployed(), "AWS::Lambda::Function").values()
        names = [function["FunctionName"] for function in functions]
        left = min(longest - len(name.replace("stack", "")) for name in names)
        page = " ".join((ROOT / "docs" / "operations.md").read_text().split())
        self.assertIn(f"A stack's name has at most {left} characters", page)

    def test_every_log_group_has_the_retention(self):
        for name, group in of_type(deployed(LogRetentionDays=7), "AWS::Logs::LogGroup").items():
            self.assertEqual(group["RetentionInDays"], "7", name)

    def test_environment_variables_are_the_parameters(self):
        given = {
            "JwtAudience": "aud",
            "JwtIssuer": ISSUER,
            "JwtJwksUrl": f"{ISSUER}/keys",
            "JwtRequiredScope": "calendly:read",
            "CalendlyPatSecretId": "calendly/{sub}",
            "EventTypeFields": "name,slug",
            "IncludeSecretEventTypes": "false",
            "AvailabilityCacheSeconds": "15",
            "AvailabilityStaleSeconds": "600",
        }
        found = deployed(**given, SharedCache="ENABLED")
        for logical_id in FUNCTIONS:
            variables = found[logical_id]["Properties"]["Environment"]["Variables"]
            for name, value in given.items():
                self.assertEqual(variables[re.sub(r"\B([A-Z])", r"_\1", name).upper()], value)
            self.assertEqual(variables["CACHE_TABLE"], "<CacheTable>")

    def test_a_changed_parameter_publishes_new_versions(self):
        def content(**changed):
            return deployed(**changed)["Configuration"]["Properties"]["Content"]

        versions = of_type(deployed(), "AWS::Lambda::Version")
        self.assertEqual(len(versions), 3)
        for version in versions.values():
            self.assertEqual(version["Description"], "Configuration <Configuration.VersionNumber>")
        # Parameters that the properties of a function refer to, without those of the alias.
        settings = json.dumps(source()["Globals"]["Function"])
        used = {name for name in source()["Parameters"] if f'"{name}"' in settings}
        used -= {"ProvisionedConcurrency"}
        # Used through a condition, or by the policies alone.
        used |= {"CallerHash", "SharedCache", "SecretsKmsKeyArn"}
        # Used by the function mcp.
        used |= {"McpPublicUrl", "McpAllowedOrigins"}
        self.assertIn("JwtAudience", used)
        written = {line.split("=")[0] for line in content().splitlines()}
        self.assertEqual(written, used)
        self.assertIn("\nJwtAudience=other\n", content(JwtAudience="other"))

    def test_versions_outlive_their_replacement_and_functions_do_not(self):
        # A changed parameter replaces a version; new code removes it from the template.
        entries = translate(**SIMPLEST)["Resources"]
        versions = [e for e in entries.values() if e["Type"] == "AWS::Lambda::Version"]
        self.assertEqual(len(versions), 3 + 1)
        for version in versions:
            self.assertEqual(version["UpdateReplacePolicy"], "Retain")
            self.assertEqual(version["DeletionPolicy"], "Retain")
        for function in FUNCTIONS:
            self.assertNotIn("DeletionPolicy", entries[function])

    def test_provisioned_concurrency_is_optional_and_set_on_the_alias(self):
        for wanted, expected in ((0, None), (2, {"ProvisionedConcurrentExecutions": "2"})):
            for alias in of_type(
                deployed(ProvisionedConcurrency=wanted), "AWS::Lambda::Alias"
            ).values():
                self.assertEqual(alias.get("ProvisionedConcurrencyConfig"), expected)


if __name__ == "__main__":
    unittest.main()
