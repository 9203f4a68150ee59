"""docs/deployer-policy.json is enough for the resources of the template.

The schema of each resource type, which cfn-lint contains, lists the permissions of its handlers. Those for properties
that a resource does not have are left out.
"""

import fnmatch
import json
import re
import unittest

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from resolver import ROOT
from translation import as_list, deployed, of_type

NAME = "calendly-functions-staging"


def arn(service, name):
    return f"arn:aws:{service}:eu-west-1:123456789012:{name}"


ROLE = f"arn:aws:iam::123456789012:role/{NAME}-UserFunctionRole-1ABC"
FUNCTION = arn("lambda", f"function:{NAME}-user")
STACK = arn("cloudformation", f"stack/{NAME}/1")
GROUP = arn("codedeploy", f"deploymentgroup:{NAME}-Serverless-1/{NAME}-User-2")
LOG_GROUP = arn("logs", f"log-group:/aws/lambda/{NAME}-user:*")
HOOK_LOG_GROUP = arn("logs", f"log-group:/aws/lambda/CodeDeployHook_{NAME}:*")
PROFILE = arn("appconfig", "application/a1/configurationprofile/b2")
PACKAGE = f"arn:aws:s3:::aws-sam-cli-managed-default-bucket-1/{NAME}/key"
KEY = arn("kms", "key/0-1")

EVERYTHING = {
    "AlarmTopicArn": arn("sns", "alarms"),
    "CallerHash": "ENABLED",
    "CorsAllowOrigins": "*",
    "GatewayAuthorizer": "ENABLED",
    "McpServer": "ENABLED",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "ProvisionedConcurrency": 2,
    "SecretsKmsKeyArn": KEY,
    "SharedCache": "ENABLED",
}

# ARNs of each type, as CloudFormation names the resources of the stack NAME.
ARNS = {
    "AWS::ApiGatewayV2::Api": ["arn:aws:apigateway:eu-west-1::/apis/a1b2c3"],
    "AWS::ApiGatewayV2::Stage": ["arn:aws:apigateway:eu-west-1::/apis/a1b2c3/stages/$default"],
    "AWS::AppConfig::Application": [arn("appconfig", "application/a1")],
    "AWS::AppConfig::ConfigurationProfile": [PROFILE],
    "AWS::AppConfig::HostedConfigurationVersion": [PROFILE],
    "AWS::CloudFormation::Stack": [arn("cloudformation", f"stack/{NAME}-Hook-1A/2b")],
    "AWS::CloudWatch::Alarm": [arn("cloudwatch", f"alarm:{NAME}-Monitoring-1A-Errors-2B")],
    "AWS::CloudWatch::Dashboard": [f"arn:aws:cloudwatch::123456789012:dashboard/{NAME}-eu-west-1"],
    "AWS::CodeDeploy::Application": [arn("codedeploy", f"application:{NAME}-Serverless-1")],
    "AWS::CodeDeploy::DeploymentGroup": [GROUP],
    "AWS::DynamoDB::Table": [arn("dynamodb", f"table/{NAME}-CacheTable-1A")],
    "AWS::IAM::ManagedPolicy": [f"arn:aws:iam::123456789012:policy/{NAME}-Permissions-1A-Policy-2B"],
    "AWS::IAM::Role": [ROLE],
    "AWS::Lambda::Alias": [f"{FUNCTION}:live"],
    "AWS::Lambda::EventInvokeConfig": [f"{FUNCTION}:live"],
    "AWS::Lambda::Function": [FUNCTION, arn("lambda", f"function:CodeDeployHook_{NAME}")],
    "AWS::Lambda::Permission": [f"{FUNCTION}:live"],
    "AWS::Lambda::Version": [f"{FUNCTION}:3"],
    "AWS::Logs::LogGroup": [LOG_GROUP, HOOK_LOG_GROUP, arn("logs", f"log-group:/aws/vendedlogs/apis/{NAME}:*")],
    "AWS::Logs::QueryDefinition": ["*"],
    "AWS::Logs::MetricFilter": [LOG_GROUP],
    "AWS::Scheduler::Schedule": [arn("scheduler", f"schedule/default/{NAME}-Warm-1A")],
}
# CloudFormation names secrets by their logical id and a suffix.
SECRETS = arn("secretsmanager", "secret:{}-1a")
# Actions on resources other than the created one.
OTHERS = {
    "iam:PassRole": ROLE,
    "iam:AttachRolePolicy": ROLE,
    "iam:DetachRolePolicy": ROLE,
    "s3:GetObject": PACKAGE,
    "s3:getObject": PACKAGE,
    "s3:GetObjectVersion": PACKAGE,
    "codedeploy:GetDeploymentConfig": arn("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    "codedeploy:CreateDeployment": GROUP,
    "codedeploy:GetDeployment": GROUP,
    "codedeploy:GetDeploymentGroup": GROUP,
    "codedeploy:StopDeployment": GROUP,
    "secretsmanager:GetRandomPassword": "*",
    **{f"kms:{name}": KEY for name in ("CreateGrant", "DescribeKey", "Encrypt", "RevokeGrant")},
    "kms:ListAliases": "*",
}
# {command of the page on operations: (action, resource)}
COMMANDS = {
    "secretsmanager put-secret-value": ("secretsmanager:PutSecretValue", SECRETS.format("CalendlyPatSecret")),
    "lambda list-versions-by-function": ("lambda:ListVersionsByFunction", FUNCTION),
    "lambda get-alias": ("lambda:GetAlias", FUNCTION),
    "lambda update-alias": ("lambda:UpdateAlias", FUNCTION),
    "lambda delete-function": ("lambda:DeleteFunction", FUNCTION),
    "lambda get-function-configuration": ("lambda:GetFunctionConfiguration", FUNCTION),
    "cloudformation cancel-update-stack": ("cloudformation:CancelUpdateStack", STACK),
    "cloudformation continue-update-rollback": ("cloudformation:ContinueUpdateRollback", STACK),
    "deploy get-deployment": ("codedeploy:GetDeployment", GROUP),
    "logs tail": ("logs:FilterLogEvents", HOOK_LOG_GROUP),
    # Without an alarm name, the command reads the history of all alarms.
    "cloudwatch describe-alarm-history": ("cloudwatch:DescribeAlarmHistory", arn("cloudwatch", "alarm:*")),
}
# {property: actions that only resources with it need}
ONLY_FOR = {
    "VpcConfig": ["ec2:*"],
    "FileSystemConfigs": ["elasticfilesystem:*", "s3files:*"],
    "CodeSigningConfigArn": ["lambda:GetCodeSigningConfig"],
    "Layers": ["lambda:GetLayerVersion"],
    "CapacityProviderConfig": ["lambda:PassCapacityProvider"],
    "KmsKeyArn": ["kms:*"],
    "OnPremisesInstanceTagFilters": ["codedeploy:RegisterOnPremisesInstance"],
    "Groups": ["iam:*GroupPolicy"],
    "Users": ["iam:*UserPolicy"],
    "PermissionsBoundary": ["iam:*PermissionsBoundary"],
    "ReplicaRegions": ["secretsmanager:*Replicat*"],
    "SecretString": ["secretsmanager:GetSecretValue"],
    "DataProtectionPolicy": [
        "logs:PutDataProtectionPolicy",
        "logs:DeleteDataProtectionPolicy",
        "firehose:*",
        "s3:REST.PUT.OBJECT",
    ],
    "FieldIndexPolicies": ["logs:PutIndexPolicy", "logs:DeleteIndexPolicy"],
    "ResourcePolicyDocument": ["logs:DeleteResourcePolicy"],
    "BearerTokenAuthenticationEnabled": ["logs:PutBearerTokenAuthentication"],
    "DeletionProtectionEnabled": ["logs:PutLogGroupDeletionProtection"],
    "KmsKeyId": ["logs:*KmsKey"],
}
# The same for tables, where other properties are common.
TABLE_ONLY_FOR = {
    "SSESpecification": ["kms:*"],
    "ImportSourceSpecification": ["dynamodb:*Import*", "s3:*", "logs:*"],
    "KinesisStreamSpecification": ["dynamodb:EnableK*", "dynamodb:DisableK*", "dynamodb:UpdateK*", "kinesis:*"],
    "ContributorInsightsSpecification": ["dynamodb:UpdateContributorInsights"],
    "ResourcePolicy": ["dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"],
    # Only for global tables, which are a different resource type.
    "Replicas": ["dynamodb:*Replica", "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan", "iam:*"],
}


def policy():
    return json.loads((ROOT / "docs" / "deployer-policy.json").read_text())


def allows(statements, action, resource):
    """Whether a statement allows an action, ignoring conditions."""
    return any(
        statement["Effect"] == "Allow"
        and any(
            fnmatch.fnmatchcase(action.lower(), one.lower()) for one in as_list(statement["Action"])
        )
        and any(fnmatch.fnmatchcase(resource, one) for one in as_list(statement["Resource"]))
        for statement in statements
    )


def needed(kind):
    """The actions that the handlers of a type need to create, read, update, and delete it."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema["handlers"]
    return {
        action
        for handler in ("create", "read", "update", "delete")
        for action in handlers.get(handler, {}).get("permissions", [])
    }


def every_resource():
    """{type: {(logical id, properties)}} with the fewest resources and properties, and with all of them."""
    found = {}
    for parameters in ({}, EVERYTHING):
        for name, entry in deployed(**parameters).items():
            properties = frozenset(entry["Properties"])
            found.setdefault(entry["Type"], set()).add((name.split(".")[-1], properties))
    return found


def is_needed(kind, action, properties):
    """Whether resources with these properties need an action of their type."""
    only_for = TABLE_ONLY_FOR if kind == "AWS::DynamoDB::Table" else ONLY_FOR
    return not any(
        fnmatch.fnmatchcase(action, pattern)
        for name, patterns in only_for.items()
        if name not in properties
        for pattern in patterns
    )


class Policy(unittest.TestCase):
    def test_it_is_enough_for_every_resource(self):
        statements, checked = policy()["Statement"], 0
        found = every_resource()
        self.assertEqual(set(found), set(ARNS) | {"AWS::SecretsManager::Secret"})
        for kind, forms in found.items():
            actions = needed(kind)
            self.assertTrue(actions, kind)
            for name, properties in forms:
                arns = ARNS.get(kind) or [SECRETS.format(name)]
                for action in actions:
                    if is_needed(kind, action, properties):
                        for arn in [OTHERS[action]] if action in OTHERS else arns:
                            self.assertTrue(allows(statements, action, arn), (name, action, arn))
                            checked += 1
        self.assertGreater(checked, 120)

    def test_it_is_enough_for_sam_itself(self):
        bucket = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1"
        for action, resource in [
            ("cloudformation:CreateChangeSet", STACK),
            ("cloudformation:ExecuteChangeSet", STACK),
            (
                "cloudformation:CreateChangeSet",
                "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31",
            ),
            ("s3:CreateBucket", bucket),
            ("s3:PutObject", f"{bucket}/{NAME}/key"),
            ("s3:PutBucketPolicy", bucket),
        ]:
            self.assertTrue(allows(policy()["Statement"], action, resource), (action, resource))

    def test_it_is_enough_for_the_commands_of_the_page_on_operations(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        commands = set(re.findall(r"aws\s(\w+ [a-z-]+)", page))
        self.assertEqual(commands, set(COMMANDS))
        for action, resource in COMMANDS.values():
            self.assertTrue(allows(policy()["Statement"], action, resource), (action, resource))

    def test_it_fits_in_a_managed_policy(self):
        # IAM does not count white space.
        self.assertLessEqual(len("".join(json.dumps(policy()).split())), 6144)

    def test_it_does_not_allow_other_resources(self):
        for action, resource in [
            ("lambda:UpdateFunctionCode", arn("lambda", "function:other")),
            ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
            ("iam:CreateServiceLinkedRole", "arn:aws:iam::123456789012:role/aws-service-role/other.amazonaws.com/Other"),
            ("s3:DeleteBucket", "arn:aws:s3:::aws-sam-cli-managed-default-bucket-1"),
            ("s3:GetObject", "arn:aws:s3:::aws-sam-cli-managed-default-bucket-1/other-application/key"),
            ("iam:CreateUser", "arn:aws:iam::123456789012:user/me"),
            ("cloudformation:DeleteStack", arn("cloudformation", "stack/other/1")),
            ("secretsmanager:GetSecretValue", SECRETS.format("CalendlyPatSecret")),
        ]:
            self.assertFalse(allows(policy()["Statement"], action, resource), (action, resource))

    def test_roles_are_passed_and_policies_attached_only_as_needed(self):
        by_name = {statement["Sid"]: statement for statement in policy()["Statement"]}
        roles = of_type(deployed(), "AWS::IAM::Role").values()
        principals = {
            service
            for role in roles
            for statement in role["AssumeRolePolicyDocument"]["Statement"]
            for service in as_list(statement["Principal"]["Service"])
        }
        passed = by_name["PassRoles"]["Condition"]["StringEquals"]["iam:PassedToService"]
        self.assertCountEqual(passed, principals)
        attachable = by_name["PoliciesOfRoles"]["Condition"]["ArnLike"]["iam:PolicyARN"]
        attached = {
            arn
            for role in roles
            for arn in role.get("ManagedPolicyArns", [])
            if arn.startswith("arn:")
        }
        self.assertEqual(attached, {arn for arn in attachable if ":aws:policy/" in arn})


if __name__ == "__main__":
    unittest.main()
