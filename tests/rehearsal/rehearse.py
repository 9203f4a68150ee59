"""`make rehearse`: deploys what `make build` built to a local AWS, updates it, breaks it, and deletes it.

A caller sends requests to every route during all updates, and must never see a failure. Environments live for a quarter
of a second, so most requests are cold starts. docs/operations.md says what this proves.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import boto3  # noqa: E402
import local  # noqa: E402
import local_aws  # noqa: E402
import sam_test  # noqa: E402
import smoke  # noqa: E402
import tools  # noqa: E402
from permissions import RECYCLED_SECONDS, check_each_permission  # noqa: E402
from processes import Processes  # noqa: E402
from samcli.yamlhelper import yaml_parse  # noqa: E402

STAGE = "staging"
BUILT = ROOT / ".aws-sam" / "build"
FOLDER = local_aws.FOLDER
# Cold environments call Calendly for each request, which the sandbox limits to 500 a minute.
PAUSE_SECONDS = 0.3
DEPLOY_SECONDS = 300
ORIGIN = "https://app.example"
# {function: its resource}
FUNCTIONS = {function: sam_test.RESOURCES[function] for function in local.FUNCTIONS}


class RehearsalFailed(Exception):
    """The rehearsal failed; the message says why, and where to look."""


def require(condition, text):
    if not condition:
        raise RehearsalFailed(text)


class Caller(threading.Thread):
    """Sends requests to every route in turn, and records responses other than 200."""

    def __init__(self, stack, token):
        super().__init__(daemon=True)
        self.stack, self.token = stack, token
        self.count, self.failures, self.stopped = 0, [], threading.Event()

    def run(self):
        while not self.stopped.is_set():
            for function in local.FUNCTIONS:
                self.count += 1
                try:
                    response = self.stack.get(smoke.path_of(function))
                    if response.status != 200:
                        self.failures.append(f"{function}: {response.summary()}")
                except smoke.Failed as problem:
                    self.failures.append(str(problem))
                self.stopped.wait(PAUSE_SECONDS)

    def check(self):
        require(self.is_alive(), "the caller ended")
        require(not self.failures, f"the caller saw {len(self.failures)} failures: {self.failures[:3]}")


class Rehearsal:
    def __init__(self, aws):
        self.aws = aws
        self.template = FOLDER / "build" / "template.yaml"
        configured = smoke.configuration(STAGE)
        self.name = configured["stack_name"]
        self.parameters = dict(override.split("=", 1) for override in configured["parameter_overrides"])
        self.parameters |= {"JwtIssuer": local_aws.ISSUER, "JwtAudience": local.AUDIENCE}
        self.started = self.last = time.monotonic()
        self.caller = None
        self.secret = None

    def say(self, text):
        now = time.monotonic()
        print(f"{now - self.started:6.1f} s  {now - self.last:5.1f} s  {text}", flush=True)
        self.last = now

    # Deployments

    def deploy(self, succeeds=True, **changes):
        """Deploys as `make deploy` does, and returns the reasons of failed resources."""
        started = datetime.now(timezone.utc)
        parameters = self.parameters | changes
        command = [tools.BIN / "sam", "deploy", "--config-file", ROOT / "samconfig.toml", "--config-env", STAGE]
        # These replace all parameters of samconfig.toml.
        command += ["--template-file", self.template, "--parameter-overrides"]
        command += [f'{name}="{value}"' for name, value in parameters.items()]
        result = subprocess.run(
            command, env=self.aws.environment, capture_output=True, text=True, timeout=DEPLOY_SECONDS, check=False
        )
        output = result.stdout + result.stderr
        (FOLDER / "deploy.log").write_text(output)
        if (result.returncode == 0) != succeeds:
            raise RehearsalFailed(f"`sam deploy` exited with {result.returncode}:\n{output[-3000:]}")
        if succeeds:
            self.parameters = parameters
        return self.failures_since(started)

    def failures_since(self, started):
        pages = boto3.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=self.name)
        return "\n".join(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for page in pages
            for event in page["StackEvents"]
            if event["Timestamp"] >= started and event["ResourceStatus"].endswith("_FAILED")
        )

    # State of the account

    def stack(self):
        return smoke.Stack(self.name, self.token(), send=self.send, log_seconds=10)

    def send(self, url, method="GET", headers=(), body=None):
        """Sends a request for the API's address to the local AWS."""
        parts = urllib.parse.urlsplit(url)
        host = f"{parts.hostname.partition('.')[0]}.execute-api.localhost:{self.aws.port}"
        here = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.aws.port}")
        return smoke.send(here.geturl(), method, dict(headers) | {"Host": host}, body)

    def token(self):
        algorithm = {"alg": "HS256", "secret": self.secret} if self.secret else {}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.aws.sandbox}/issuer/mint", json.dumps(algorithm).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["access_token"]

    def versions(self):
        """{function: version that the alias points to}."""
        client = boto3.client("lambda")
        return {
            function: client.get_alias(FunctionName=f"{self.name}-{function}", Name="live")["FunctionVersion"]
            for function in FUNCTIONS
        }

    def smoke(self, rolled_back=False):
        """Runs the checks of `make smoke`. With `rolled_back`, one must report that the last update was rolled back."""
        results = smoke.run(self.stack())
        failed = [result for result in results if not result[1]]
        if rolled_back:
            [(name, _, text), *failed] = failed
            require((name, "UPDATE_ROLLBACK_COMPLETE" in text) == ("stack and outputs", True), f"{name}: {text}")
        require(not failed, "make smoke fails:\n" + smoke.table(results))
        if self.caller:
            self.caller.check()
        return f"{len(results)} smoke checks"

    # The scenario

    def run(self):
        before = inventory()
        self.first_deployment()
        self.caller = Caller(self.stack(), self.token())
        self.caller.start()
        self.rollback_by_hand()
        self.update_of_a_secrets_name()
        self.refused_update()
        self.refused_update_of_code()
        self.alarm_during_the_canary()
        self.everything_enabled()
        self.stop_caller()
        self.permissions()
        self.repair()
        self.deletion(before)

    def first_deployment(self):
        self.deploy()
        secret = self.stack().outputs["CalendlyPatSecretArn"]
        response = self.stack().get(smoke.path_of("user"))
        require(response.json().get("code") == "pat_missing", f"without a token: {response.summary()}")
        boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=local.SANDBOX_PAT)
        self.say(f"first deployment: {self.smoke()}")

    def rollback_by_hand(self):
        """Follows docs/operations.md, up to the next deployment, which changes a secret's name."""
        previous = self.versions()
        self.deploy(MemorySize="320")
        known = self.versions()
        require(not set(previous.items()) & set(known.items()), f"{previous} became {known}")
        self.move(previous)
        self.caller.check()
        failures = self.deploy(succeeds=False, MemorySize="384")
        require("INVALID_LAMBDA_CONFIGURATION" in failures, f"not refused as the page says: {failures}")
        self.move(known, requests_to=previous)
        self.say("rollback by hand, and a deployment that is refused after it")

    def update_of_a_secrets_name(self):
        client, before = boto3.client("secretsmanager"), self.versions()
        client.create_secret(Name="calendly/other", SecretString=json.dumps({"pat": local.SANDBOX_PAT}))
        self.deploy(CalendlyPatSecretId="calendly/other")
        for function, version in before.items():
            boto3.client("lambda").get_function(FunctionName=f"{self.name}-{function}", Qualifier=version)
        self.say(f"update of a secret's name, previous versions are kept: {self.smoke()}")

    def refused_update(self):
        before = self.versions()
        failures = self.deploy(succeeds=False, CalendlyPatSecretId="calendly/mistyped")
        require("BeforeAllowTraffic Failed" in failures, f"the hook did not refuse it: {failures}")
        require(self.versions() == before, "an alias moved")
        self.say(f"mistyped secret, refused by the hook: {self.smoke(rolled_back=True)}")

    def refused_update_of_code(self):
        """Deploys new code that cannot start, as a code-only update."""
        before, packages = self.versions(), FOLDER / "build"
        broken = packages / FUNCTIONS["user"] / "bootstrap"
        good = broken.read_bytes()
        broken.write_text("#!/bin/sh\nexit 1\n")
        self.deploy(succeeds=False)
        broken.write_bytes(good)
        require(self.versions() == before, "an alias moved")
        self.say(f"code that cannot start, refused by the hook: {self.smoke(rolled_back=True)}")

    def alarm_during_the_canary(self):
        before = self.versions()
        for function in FUNCTIONS.values():
            (FOLDER / "build" / function / "changed").write_text("A file that changes the code of the package.")
        stack, seen = self.stack(), threading.Event()
        resources = stack.resources(stack.nested()["UserCanary"])
        alarms = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::CloudWatch::Alarm"]
        functions, cloudwatch = boto3.client("lambda"), boto3.client("cloudwatch")

        def set_alarms(state):
            for alarm in alarms:
                cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="rehearsal")

        def breach():
            while not seen.wait(0.05):
                alias = functions.get_alias(FunctionName=f"{self.name}-user", Name="live")
                if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
                    set_alarms("ALARM")
                    seen.set()

        thread = threading.Thread(target=breach, daemon=True)
        thread.start()
        try:
            failures = self.deploy(succeeds=False)
        finally:
            seen.set()
            thread.join()
        require("was stopped by" in failures, f"the alarm did not stop it: {failures}")
        require(self.versions() == before, "an alias was not moved back")
        set_alarms("OK")
        self.say(f"alarm during the canary, rolled back: {self.smoke(rolled_back=True)}")

    def move(self, versions, requests_to=None):
        """Moves the aliases to `versions`, and routes all requests to `requests_to`, if given."""
        for function, version in versions.items():
            weights = {requests_to[function]: 1.0} if requests_to else {}
            boto3.client("lambda").update_alias(
                FunctionName=f"{self.name}-{function}", Name="live", FunctionVersion=version,
                RoutingConfig={"AdditionalVersionWeights": weights},
            )

    def everything_enabled(self):
        key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        boundary = boto3.client("iam").create_policy(
            PolicyName="boundary",
            PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
            ),
        )["Policy"]["Arn"]
        boto3.client("secretsmanager").create_secret(
            Name="calendly/encrypted", SecretString=local.SANDBOX_PAT, KmsKeyId=key
        )
        self.deploy(
            CalendlyPatSecretId="calendly/encrypted", SecretsKmsKeyArn=key, PermissionsBoundaryArn=boundary,
            SharedCache="ENABLED", AvailabilityCacheSeconds="15", CallerHash="ENABLED", CorsAllowOrigins=ORIGIN,
            GatewayAuthorizer="ENABLED", WarmUp="ENABLED", McpServer="ENABLED",
        )
        text = self.smoke()
        response = self.stack().get(smoke.path_of("user"), token=False)
        require(response.json() == {"message": "Unauthorized"}, "the gateway's authorizer did not refuse it")
        self.say(f"everything enabled: {text}")

    def stop_caller(self):
        self.caller.check()
        self.caller.stopped.set()
        self.caller.join()
        self.say(f"the caller saw no failure in {self.caller.count} requests")
        self.caller = None

    def permissions(self):
        found = check_each_permission(self)
        (FOLDER / "permissions.log").write_text("".join(f"without {it}: {problem}\n" for it, problem in found.items()))
        self.say(f"each of {len(found)} permissions is needed: without it, a check fails")

    def repair(self):
        """A stack whose secret is empty can be repaired by an update."""
        boto3.client("secretsmanager").put_secret_value(SecretId="calendly/encrypted", SecretString="{}")
        # Environments that have cached the token answer until they are recycled.
        deadline = time.monotonic() + RECYCLED_SECONDS
        while (response := self.stack().get(smoke.path_of("user"))).json().get("code") != "pat_missing":
            require(time.monotonic() < deadline, f"with an empty secret: {response.summary()}")
        # The hook accepts an update that leaves the stack equally broken, and it accepts the repair.
        self.deploy(MemorySize="512")
        self.secret = "a signing secret of 32 bytes or more"
        boto3.client("secretsmanager").create_secret(Name="calendly/signing", SecretString=self.secret)
        self.deploy(
            CalendlyPatSecretId="calendly/other", CallerHash="DISABLED", SharedCache="DISABLED",
            GatewayAuthorizer="DISABLED", JwtIssuer="", JwtSecretId="calendly/signing",
        )
        [found] = check_each_permission(self, only="calendly/signing")
        self.say(f"a broken stack, updated and repaired, which needs {found}: {self.smoke()}")

    def deletion(self, before):
        boto3.client("cloudformation").delete_stack(StackName=self.name)
        boto3.client("cloudformation").get_waiter("stack_delete_complete").wait(
            StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        ours = {"calendly/other", "calendly/encrypted", "calendly/signing", "boundary"}
        left = [(kind, name) for kind, name in inventory() - before if name not in ours and "aws-sam-cli" not in name]
        require(not left, f"the deletion left {left}")
        self.say("deletion, nothing is left")


def inventory():
    """{(kind, name)} of all resources in the account."""
    found = set()
    for kind, service, operation, key, name in [
        ("function", "lambda", "list_functions", "Functions", "FunctionName"),
        ("role", "iam", "list_roles", "Roles", "RoleName"),
        ("policy", "iam", "list_policies", "Policies", "PolicyName"),
        ("log group", "logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("secret", "secretsmanager", "list_secrets", "SecretList", "Name"),
        ("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        ("API", "apigatewayv2", "get_apis", "Items", "Name"),
        ("schedule", "scheduler", "list_schedules", "Schedules", "Name"),
        ("configuration", "appconfig", "list_applications", "Items", "Name"),
        ("stack", "cloudformation", "describe_stacks", "Stacks", "StackName"),
    ]:
        arguments = {"Scope": "Local"} if operation == "list_policies" else {}
        for entry in getattr(boto3.client(service), operation)(**arguments)[key]:
            found.add((kind, entry[name]))
    found |= {("table", name) for name in boto3.client("dynamodb").list_tables()["TableNames"]}
    deployment_groups = boto3.client("codedeploy").list_deployment_groups(applicationName="any")["deploymentGroups"]
    return found | {("deployment group", name) for name in deployment_groups}


def shorten_pauses_of_hook(template):
    # As JSON, which is YAML without line breaks in the hook's code.
    text = json.dumps(yaml_parse(template.read_text()))
    short = text.replace("PAUSE_SECONDS = 10", "PAUSE_SECONDS = 0.1")
    require(short != text, f"{template} does not set PAUSE_SECONDS to 10")
    template.write_text(short)


def main():
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    require(
        (BUILT / "template.yaml").is_file(), f"nothing is built: make build ARCHITECTURE={architecture}"
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(FOLDER / "build", ignore_errors=True)
    shutil.copytree(BUILT, FOLDER / "build", symlinks=True)
    shorten_pauses_of_hook(FOLDER / "build" / "Hook" / "template.yaml")
    with Processes(FOLDER) as processes:
        aws = local_aws.LocalAws(processes)
        aws.start()
        os.environ.update(aws.environment)
        for name in set(os.environ) - set(aws.environment):
            del os.environ[name]
        Rehearsal(aws).run()


if __name__ == "__main__":
    try:
        main()
    except (RehearsalFailed, AssertionError, subprocess.SubprocessError) as problem:
        sys.exit(f"rehearse: {problem}\nThe logs are in {FOLDER}.")
