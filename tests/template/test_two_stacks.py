"""Two stacks of one account share no names: each begins with, or contains, the name of its stack."""

import unittest

from resolver import PSEUDO_PARAMETERS
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


class TwoStacks(unittest.TestCase):
    def test_names_contain_the_name_of_the_stack(self):
        for entry in deployed().values():
            for name in set(NAMES) & set(entry["Properties"]):
                if entry["Type"] in NAMED:
                    self.assertIn(PSEUDO_PARAMETERS["AWS::StackName"], entry["Properties"][name])

    def test_the_name_of_the_dashboard_contains_the_region(self):
        name = deployed()["Overview.Dashboard"]["Properties"]["DashboardName"]
        self.assertTrue(name.endswith(PSEUDO_PARAMETERS["AWS::Region"]), name)


if __name__ == "__main__":
    unittest.main()
