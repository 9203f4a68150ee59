"""docs/deployer-policy.json is enough for what the template makes.

What each type of resource needs is what its own schema says of its handlers (cfn-lint brings the
schemas along), less what is for properties that the template does not have.
"""

import fnmatch
import json
import unittest
from pathlib import Path

import cfnlint
from combinations import deployed
from resolver import ROOT
from translation import of_type

NAME = "calendly-functions-staging"
ACCOUNT = "eu-west-1:123456789012"
ROLE = f"arn:aws:iam::123456789012:role/{NAME}-UserFunctionRole-1ABC"
GROUP = f"arn:aws:codedeploy:{ACCOUNT}:deploymentgroup:{NAME}-Serverless-1/{NAME}-User-2"

# An ARN of each type, or several, as CloudFormation names the resources of a stack of that name.
ARNS = {
    "AWS::ApiGatewayV2::Api": ["arn:aws:apigateway:eu-west-1::/apis/a1b2c3"],
    "AWS::ApiGatewayV2::Stage": ["arn:aws:apigateway:eu-west-1::/apis/a1b2c3/stages/$default"],
    "AWS::AppConfig::Application": [f"arn:aws:appconfig:{ACCOUNT}:application/a1"],
    "AWS::AppConfig::ConfigurationProfile": [
        f"arn:aws:appconfig:{ACCOUNT}:application/a1/configurationprofile/b2"
    ],
    "AWS::AppConfig::HostedConfigurationVersion": [
        f"arn:aws:appconfig:{ACCOUNT}:application/a1/configurationprofile/b2"
    ],
    "AWS::CloudFormation::Stack": [f"arn:aws:cloudformation:{ACCOUNT}:stack/{NAME}-Hook-1A/2b"],
    "AWS::CloudWatch::Alarm": [
        f"arn:aws:cloudwatch:{ACCOUNT}:alarm:{NAME}-Monitoring-1A-Errors-2B"
    ],
    "AWS::CloudWatch::Dashboard": [f"arn:aws:cloudwatch::123456789012:dashboard/{NAME}-eu-west-1"],
    "AWS::CodeDeploy::Application": [
        f"arn:aws:codedeploy:{ACCOUNT}:application:{NAME}-Serverless-1"
    ],
    "AWS::CodeDeploy::DeploymentGroup": [GROUP],
    "AWS::IAM::ManagedPolicy": [
        f"arn:aws:iam::123456789012:policy/{NAME}-Permissions-1A-Policy-2B"
    ],
    "AWS::IAM::Role": [ROLE],
    "AWS::Lambda::Alias": [f"arn:aws:lambda:{ACCOUNT}:function:{NAME}-user:live"],
    "AWS::Lambda::EventInvokeConfig": [f"arn:aws:lambda:{ACCOUNT}:function:{NAME}-user:live"],
    "AWS::Lambda::Function": [
        f"arn:aws:lambda:{ACCOUNT}:function:{NAME}-check-availability",
        f"arn:aws:lambda:{ACCOUNT}:function:CodeDeployHook_{NAME}",
    ],
    "AWS::Lambda::Permission": [f"arn:aws:lambda:{ACCOUNT}:function:{NAME}-user:live"],
    "AWS::Lambda::Version": [f"arn:aws:lambda:{ACCOUNT}:function:{NAME}-user:3"],
    "AWS::Logs::LogGroup": [
        f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/{NAME}-user:*",
        f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/CodeDeployHook_{NAME}:*",
        f"arn:aws:logs:{ACCOUNT}:log-group:/aws/vendedlogs/apis/{NAME}:*",
    ],
    "AWS::Logs::MetricFilter": [f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/{NAME}-user:*"],
    "AWS::Scheduler::Schedule": [f"arn:aws:scheduler:{ACCOUNT}:schedule/default/{NAME}-Warm-1A"],
    "AWS::SecretsManager::Secret": [
        f"arn:aws:secretsmanager:{ACCOUNT}:secret:CalendlyPatSecret-1a"
    ],
}
# Of other resources than the one that is made.
OTHERS = {
    "iam:PassRole": ROLE,
    "iam:AttachRolePolicy": ROLE,
    "iam:DetachRolePolicy": ROLE,
    "s3:GetObject": "arn:aws:s3:::aws-sam-cli-managed-default-bucket-1/key",
    "s3:getObject": "arn:aws:s3:::aws-sam-cli-managed-default-bucket-1/key",
    "s3:GetObjectVersion": "arn:aws:s3:::aws-sam-cli-managed-default-bucket-1/key",
    "codedeploy:GetDeploymentConfig": f"arn:aws:codedeploy:{ACCOUNT}:deploymentconfig:"
    "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    "codedeploy:CreateDeployment": GROUP,
    "codedeploy:GetDeployment": GROUP,
    "codedeploy:GetDeploymentGroup": GROUP,
    "codedeploy:StopDeployment": GROUP,
}
# For what the template does not have: networks, file systems, keys of one's own for code and logs,
# layers, code signing, capacity providers, machines of one's own, users and groups, permissions
# boundaries, replicas, generated values, and more that a log group can be.
NOT_NEEDED = [
    "ec2:*",
    "elasticfilesystem:*",
    "s3files:*",
    "kms:*",
    "lambda:GetCodeSigningConfig",
    "lambda:GetLayerVersion",
    "lambda:PassCapacityProvider",
    "codedeploy:RegisterOnPremisesInstance",
    "iam:*GroupPolicy",
    "iam:*UserPolicy",
    "iam:*PermissionsBoundary",
    "secretsmanager:*Replicat*",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:GetSecretValue",
    "firehose:*",
    "s3:REST.PUT.OBJECT",
    "logs:*KmsKey",
    "logs:PutDataProtectionPolicy",
    "logs:DeleteDataProtectionPolicy",
    "logs:PutIndexPolicy",
    "logs:DeleteIndexPolicy",
    "logs:DeleteResourcePolicy",
    "logs:PutBearerTokenAuthentication",
    "logs:PutLogGroupDeletionProtection",
]


def policy():
    return json.loads((ROOT / "docs" / "deployer-policy.json").read_text())


def allows(statements, action, resource):
    """Whether some statement allows it; conditions are not looked at."""
    return any(
        statement["Effect"] == "Allow"
        and any(
            fnmatch.fnmatchcase(action.lower(), one.lower()) for one in many(statement["Action"])
        )
        and any(fnmatch.fnmatchcase(resource, one) for one in many(statement["Resource"]))
        for statement in statements
    )


def many(value):
    return value if isinstance(value, list) else [value]


def needed(kinds):
    """{type: actions} that its handlers need to make, read, change and delete it."""
    found = {kind: set() for kind in kinds}
    for path in Path(cfnlint.__file__).parent.glob("data/schemas/resources/*.json"):
        schema = json.loads(path.read_text())
        if schema["typeName"] in found:
            for handler in ("create", "read", "update", "delete"):
                entry = schema["handlers"].get(handler, {})
                found[schema["typeName"]] |= set(entry.get("permissions", []))
    return found


class Policy(unittest.TestCase):
    def test_it_is_enough_for_every_type_of_resource(self):
        kinds = {entry["Type"] for entry in deployed().values()}
        self.assertEqual(kinds, set(ARNS))
        statements, checked = policy()["Statement"], 0
        for kind, actions in needed(kinds).items():
            self.assertTrue(actions, kind)
            for action in actions:
                if any(fnmatch.fnmatchcase(action, pattern) for pattern in NOT_NEEDED):
                    continue
                for arn in [OTHERS[action]] if action in OTHERS else ARNS[kind]:
                    self.assertTrue(allows(statements, action, arn), (kind, action, arn))
                    checked += 1
        self.assertGreater(checked, 120)

    def test_it_is_enough_for_sam_itself(self):
        bucket = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1"
        for action, resource in [
            ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{ACCOUNT}:stack/{NAME}/1"),
            ("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{ACCOUNT}:stack/{NAME}/1"),
            (
                "cloudformation:CreateChangeSet",
                "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31",
            ),
            ("s3:CreateBucket", bucket),
            ("s3:PutObject", f"{bucket}/key"),
        ]:
            self.assertTrue(allows(policy()["Statement"], action, resource), (action, resource))

    def test_iam_takes_it(self):
        # What IAM counts of a managed policy: all but white space.
        self.assertLessEqual(len("".join(json.dumps(policy()).split())), 6144)

    def test_it_is_not_for_what_belongs_to_others(self):
        for action, resource in [
            ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{ACCOUNT}:function:other"),
            ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
            ("iam:CreateUser", "arn:aws:iam::123456789012:user/me"),
            ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{ACCOUNT}:stack/other/1"),
            (
                "secretsmanager:GetSecretValue",
                f"arn:aws:secretsmanager:{ACCOUNT}:secret:CalendlyPatSecret-1a",
            ),
        ]:
            self.assertFalse(allows(policy()["Statement"], action, resource), (action, resource))

    def test_roles_are_passed_and_policies_attached_to_known_ends_only(self):
        by_name = {statement["Sid"]: statement for statement in policy()["Statement"]}
        roles = of_type(deployed(), "AWS::IAM::Role").values()
        principals = {
            service
            for role in roles
            for statement in role["AssumeRolePolicyDocument"]["Statement"]
            for service in many(statement["Principal"]["Service"])
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
