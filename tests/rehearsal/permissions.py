"""Shows that the stack needs each of its permissions: without one of them, a check fails.

Permissions are removed from the deployed roles, which is faster than deploying a template without them.
"""

import copy
import json
import time
import urllib.parse
from datetime import date, timedelta

import boto3
import local_aws
import smoke

# MiniStack does not encrypt tables.
NOT_ENFORCED = {"UseKeyOfTable"}
# Longer than the lifetime of an environment, so that the next request is a cold start.
COLD_SECONDS = 1.5 * local_aws.RECYCLE_SECONDS
LOG_SECONDS = 0.5


class Policy:
    """A policy document of a deployed role, inline or managed, which can be changed and restored."""

    def __init__(self, document, write):
        self.document, self._write = document, write

    def without(self):
        """(name, document) for each action on each resource. The document lacks that permission."""
        for number, statement in enumerate(self.document["Statement"]):
            if statement.get("Sid") in NOT_ENFORCED:
                continue
            for action in many(statement["Action"]):
                for resource in many(statement["Resource"]):
                    yield f"{action} on {resource}", self._without(number, action, resource)

    def _without(self, number, action, resource):
        document = copy.deepcopy(self.document)
        statement = document["Statement"].pop(number)
        actions, resources = many(statement["Action"]), many(statement["Resource"])
        parts = [
            {"Action": [one], "Resource": [other]}
            for one in actions
            for other in resources
            if (one, other) != (action, resource)
        ]
        document["Statement"] += [statement | part for part in parts]
        # IAM refuses a document without statements.
        document["Statement"] = document["Statement"] or [
            {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
        ]
        return document

    def write(self, document):
        self._write(json.dumps(document))


def many(value):
    return value if isinstance(value, list) else [value]


def policies(stack):
    """Every policy of the stack's own roles, without duplicates."""
    iam, found = boto3.client("iam"), {}
    nested = stack.nested()
    roles = [
        resource["PhysicalResourceId"]
        for name in ("Roles", "Hook")
        for resource in stack.resources(nested[name])
        if resource["ResourceType"] == "AWS::IAM::Role"
    ]
    for role in roles:
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

            def write_inline(text, role=role, name=name):
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)

            found[role, name] = Policy(document, write_inline)
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            if arn.startswith("arn:aws:iam::aws:"):
                continue
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

            def write_managed(text, arn=arn, first=version):
                for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
                    if not one["IsDefaultVersion"]:
                        iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
                iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

            found[arn] = Policy(document, write_managed)
    return list(found.values())


class Checks:
    """The checks of `make smoke` that need permissions, and checks that only a rehearsal can run."""

    def __init__(self, rehearsal):
        self.rehearsal = rehearsal
        self.window = 0

    def problem(self):
        """The first failure, or None."""
        stack = self.rehearsal.stack()
        stack.log_seconds = LOG_SECONDS
        stack.started = int(time.time() * 1000)
        try:
            self.hook(stack)
            self.schedules(stack)
            for function in smoke.FUNCTIONS:
                smoke.check_route(stack, function)
            self.table(stack)
            for function in stack.functions():
                smoke.check_warm_up(stack, function)
            for function in stack.functions():
                smoke.check_logs(stack, function)
        except smoke.Failed as problem:
            return str(problem)
        return None

    def table(self, stack):
        """Requests ranges that are not cached, so that the table is read, leased, and written."""
        if "mcp" in stack.functions():
            start = date.today() + timedelta(days=33 * self.next_window())
            smoke.check_tool_call(stack, "check_availability", {"start": str(start)})
        if stack.parameters["SharedCache"] == "DISABLED":
            return
        start = date.today() + timedelta(days=33 * self.next_window())
        days = urllib.parse.urlencode({"start_time": start, "end_time": start + timedelta(days=1)})
        response = stack.get(f"{smoke.route('check-availability')}?{days}")
        if response.status != 200:
            raise smoke.Failed(response.summary())
        stack.request_ids["check-availability"] = response.headers["x-request-id"]
        smoke.check_logs(stack, "check-availability")
        for function in stack.functions():
            lines = boto3.client("logs").filter_log_events(
                logGroupName=f"/aws/lambda/{stack.name}-{function}", startTime=stack.started
            )["events"]
            # A failure before the first event opens the circuit breaker, but no SharedCacheFailures counts it.
            if any('"WARN"' in line["message"] and "CACHE_TABLE" in line["message"] for line in lines):
                raise smoke.Failed(f"calls of {function} to the table failed")

    def next_window(self):
        self.window = self.window % 20 + 1
        return self.window

    def hook(self, stack):
        """Runs the hook as CodeDeploy does, against the live versions."""
        client = boto3.client("codedeploy")
        group = client.list_deployment_groups(applicationName="any")["deploymentGroups"][0]
        deployment = client.create_deployment(applicationName="any", deploymentGroupName=group)["deploymentId"]
        event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": deployment}
        started = int(time.time() * 1000)
        boto3.client("lambda").invoke(
            FunctionName=f"CodeDeployHook_{stack.name}", Payload=json.dumps(event).encode()
        )
        status = client.get_deployment(deploymentId=deployment)["deploymentInfo"]["status"]
        if status != "Succeeded":
            raise smoke.Failed(f"the hook reports {status}")
        lines = boto3.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/CodeDeployHook_{stack.name}", startTime=started
        )["events"]
        if not lines:
            raise smoke.Failed("the hook wrote no log")

    def schedules(self, stack):
        """Checks that each schedule's role may invoke its target. Schedules run too rarely to wait for."""
        iam, scheduler = boto3.client("iam"), boto3.client("scheduler")
        for summary in scheduler.list_schedules()["Schedules"]:
            target = scheduler.get_schedule(Name=summary["Name"], GroupName=summary["GroupName"])["Target"]
            [result] = iam.simulate_principal_policy(
                PolicySourceArn=target["RoleArn"], ActionNames=["lambda:InvokeFunction"],
                ResourceArns=[target["Arn"]],
            )["EvaluationResults"]
            if result["EvalDecision"] != "allowed":
                raise smoke.Failed(f"the schedule of {target['Arn']} may not invoke it")


def check_each_permission(rehearsal, only=""):
    """Removes each permission whose name contains `only`, and returns their number."""
    checks, count = Checks(rehearsal), 0
    problem = checks.problem()
    if problem:
        raise AssertionError(f"with all permissions: {problem}")
    for policy in policies(rehearsal.stack()):
        for name, document in policy.without():
            if only not in name:
                continue
            policy.write(document)
            time.sleep(COLD_SECONDS)
            problem = checks.problem()
            policy.write(policy.document)
            if not problem:
                raise AssertionError(f"nothing fails without {name}")
            if rehearsal.verbose:
                print(f"    without {name}: {problem}"[:160], flush=True)
            count += 1
    return count
