"""Two stacks of one account share no names."""

import unittest
from unittest import mock

import resolver
from translation import deployed

# Properties that set a physical name.
NAMES = ("FunctionName", "LogGroupName", "DashboardName", "RoleName", "AlarmName", "Name", "ManagedPolicyName")
# Types whose physical names must be unique.
NAMED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::AppConfig::Application",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
}


def names(stack, region="eu-west-1"):
    """(type, physical name) of all resources of a stack with an explicit name."""
    pseudo = {"AWS::StackName": stack, "AWS::Region": region}
    with mock.patch.dict(resolver.PSEUDO_PARAMETERS, pseudo):
        found = deployed()
    return {
        (entry["Type"], entry["Properties"][name])
        for entry in found.values()
        if entry["Type"] in NAMED
        for name in NAMES
        if name in entry["Properties"]
    }


class TwoStacks(unittest.TestCase):
    def test_names_differ(self):
        one, other = names("calendly"), names("calendly-staging")
        self.assertGreaterEqual(len(one), 3 + 1 + 5 + 1 + 1)
        self.assertEqual(one & other, set())

    def test_dashboards_of_two_regions_differ(self):
        shared = names("calendly", "eu-west-1") & names("calendly", "us-east-1")
        self.assertNotIn("AWS::CloudWatch::Dashboard", {kind for kind, _ in shared})


if __name__ == "__main__":
    unittest.main()
