"""Two stacks of one account share no names, metrics, or permissions."""

import itertools
import re
import unittest
from unittest import mock

import resolver
from combinations import deployed

# Properties that set a physical name, which must be unique.
NAMES = (
    "FunctionName",
    "LogGroupName",
    "DashboardName",
    "RoleName",
    "AlarmName",
    "Name",
    "ManagedPolicyName",
)
NAMED = {
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::CloudWatch::Dashboard",
    "AWS::CloudWatch::Alarm",
    "AWS::IAM::Role",
    "AWS::IAM::ManagedPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::Scheduler::Schedule",
    "AWS::AppConfig::Application",
    "AWS::CodeDeploy::Application",
    "AWS::ApiGatewayV2::Api",
}


def stack(name, region="eu-west-1"):
    pseudo = resolver.PSEUDO_PARAMETERS | {"AWS::StackName": name, "AWS::Region": region}
    with mock.patch.dict(resolver.PSEUDO_PARAMETERS, pseudo):
        return deployed(AlarmTopicArn="arn:aws:sns:eu-west-1:123456789012:alarms")


def names(found):
    """(type, physical name) of all resources with an explicit one."""
    return {
        (entry["Type"], entry["Properties"][name])
        for entry in found.values()
        if entry["Type"] in NAMED
        for name in NAMES
        if name in entry["Properties"]
    }


def custom_metrics(node):
    """The dimensions of every custom metric in alarms and dashboards, as text."""
    if isinstance(node, dict):
        if node.get("Namespace") == "CalendlyFunctions":
            yield str([dimension["Value"] for dimension in node["Dimensions"]])
        for value in node.values():
            yield from custom_metrics(value)
    elif isinstance(node, list):
        for value in node:
            yield from custom_metrics(value)
    elif isinstance(node, str) and "CalendlyFunctions" in node:
        yield from re.findall(r'"FunctionName", "([^"]+)"', node)


class TwoStacks(unittest.TestCase):
    def test_names_differ(self):
        stacks = [names(stack(name)) for name in ("calendly", "calendly-staging")]
        self.assertGreaterEqual(len(stacks[0]), 3 + 1 + 5 + 1 + 1)
        self.assertEqual(stacks[0] & stacks[1], set())

    def test_dashboards_of_two_regions_differ(self):
        stacks = [names(stack("calendly", region)) for region in ("eu-west-1", "us-east-1")]
        shared = {kind for kind, _ in stacks[0] & stacks[1]}
        self.assertNotIn("AWS::CloudWatch::Dashboard", shared)

    def test_metrics_are_the_stacks_own(self):
        one, other = (set(custom_metrics(stack(name))) for name in ("calendly", "calendly-staging"))
        self.assertGreater(len(one), 3)
        for mine, theirs in itertools.product(one, other):
            self.assertFalse(mine == theirs and "Api" not in mine, mine)

    def test_permissions_are_for_the_stacks_own_functions(self):
        for name, other in (("calendly-staging", "calendly"), ("calendly", "calendly-staging")):
            policies = str([e for e in stack(name).values() if e["Type"].startswith("AWS::IAM")])
            self.assertNotIn(f"function:{other}-user:", policies)
            self.assertIn(f"function:{name}-user:", policies)


if __name__ == "__main__":
    unittest.main()
