"""A CDK app that deploys the zip files of a release.

    cdk deploy --app "python3 app.py" -c zips=../../dist -c issuer=https://… -c audience=… -c pat_secret=calendly/pat

Routes, throttling, roles, logs, and warm-ups are those of template.yaml. Its canary, alarms, dashboard, and secret are left
to you.
"""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

FUNCTIONS = ["user", "user-event-types", "check-availability"]


class CalendlyFunctions(cdk.Stack):
    """Three functions behind an HTTP API."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        zips: Path,
        issuer: str,
        audience: str,
        pat_secret: str,
    ):
        super().__init__(scope, name)
        # You create the secret and store its value. No template contains the value.
        secret = secretsmanager.Secret.from_secret_name_v2(self, "Pat", pat_secret)
        api = gateway.HttpApi(self, "Api", create_default_stage=False)
        # Without limits, one caller could use up the concurrency of the account.
        api.add_stage(
            "Stage",
            auto_deploy=True,
            throttle=gateway.ThrottleSettings(rate_limit=20, burst_limit=40),
        )
        for function_name in FUNCTIONS:
            log_group = logs.LogGroup(
                self,
                f"{function_name}-logs",
                retention=logs.RetentionDays.ONE_MONTH,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            )
            # The managed policy AWSLambdaBasicExecutionRole would allow writing to every log group.
            role = iam.Role(
                self,
                f"{function_name}-role",
                assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            )
            log_group.grant_write(role)
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"],
                    # Secrets Manager appends a hyphen and six characters to a name in its ARN.
                    resources=[f"{secret.secret_arn}-??????"],
                )
            )
            function = lambda_.Function(
                self,
                function_name,
                code=lambda_.Code.from_asset(str(zips / f"{function_name}-arm64.zip")),
                runtime=lambda_.Runtime.PROVIDED_AL2023,
                handler="bootstrap",
                architecture=lambda_.Architecture.ARM_64,
                memory_size=256,
                # The gateway times out after 30 s. The functions answer 504 before Lambda ends them.
                timeout=cdk.Duration.seconds(28),
                role=role,
                log_group=log_group,
                logging_format=lambda_.LoggingFormat.JSON,
                environment={
                    "CALENDLY_PAT_SECRET_ID": pat_secret,
                    "JWT_ISSUER": issuer,
                    "JWT_AUDIENCE": audience,
                },
                # A failed warm-up is not retried: the next one is minutes away.
                retry_attempts=0,
            )
            api.add_routes(
                path=f"/calendly/{function_name}",
                methods=[gateway.HttpMethod.GET],
                integration=integrations.HttpLambdaIntegration(
                    f"{function_name}-integration", function
                ),
            )
            events.Rule(
                self,
                f"{function_name}-warm-up",
                schedule=events.Schedule.rate(cdk.Duration.minutes(5)),
                targets=[
                    targets.LambdaFunction(
                        function,
                        event=events.RuleTargetInput.from_object({"warmer": True}),
                        retry_attempts=0,
                    )
                ],
            )
        cdk.CfnOutput(self, "BaseUrl", value=api.api_endpoint)


def given(app: cdk.App, name: str) -> str:
    """The value of `-c name=…`."""
    value = app.node.try_get_context(name)
    if not value:
        raise SystemExit(f"-c {name}=… is missing: see the beginning of app.py.")
    return value


app = cdk.App()
CalendlyFunctions(
    app,
    "calendly-functions",
    zips=Path(given(app, "zips")),
    issuer=given(app, "issuer"),
    audience=given(app, "audience"),
    pat_secret=given(app, "pat_secret"),
)
app.synth()
