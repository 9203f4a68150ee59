"""Shows that the stack needs each of its permissions: a check fails while one of them is denied."""

import itertools
import json
import time
import urllib.parse
from datetime import date, timedelta
from fnmatch import fnmatchcase

import boto3
import local_aws
import smoke

# MiniStack does not encrypt tables.
NOT_ENFORCED = {"UseKeyOfTable"}
# Longer than the lifetime of an environment, so that the next request is a cold start.
COLD_SECONDS = 1.5 * local_aws.RECYCLE_SECONDS
# On a busy machine, older environments may live this long.
RECYCLED_SECONDS = 20
# Ranges that are this many days apart share no window of the cache. After 20 of them, the first one has expired.
DAYS_APART = [33 * number for number in range(1, 21)]


def permissions(stack):
    """{(policy, action, resource): roles} of the stack's own roles."""
    nested = stack.nested()
    roles = {
        resource["PhysicalResourceId"]
        for name in ("Roles", "Hook")
        for resource in stack.resources(nested[name])
        if resource["ResourceType"] == "AWS::IAM::Role"
    }
    account = boto3.client("iam").get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
    managed = {
        policy["Arn"]: version["Document"]
        for policy in account["Policies"]
        for version in policy["PolicyVersionList"]
        if version["IsDefaultVersion"]
    }
    found = {}
    for role in account["RoleDetailList"]:
        if role["RoleName"] not in roles:
            continue
        documents = {(role["RoleName"], it["PolicyName"]): it["PolicyDocument"] for it in role["RolePolicyList"]}
        attached = [it["PolicyArn"] for it in role["AttachedManagedPolicies"]]
        documents |= {arn: managed[arn] for arn in attached if arn in managed}
        own = [
            (policy, action, resource)
            for policy, document in documents.items()
            for statement in document["Statement"]
            if statement.get("Sid") not in NOT_ENFORCED
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        ]
        require_distinct(role["RoleName"], own)
        for permission in own:
            found.setdefault(permission, []).append(role["RoleName"])
    return found


def as_list(value):
    return value if isinstance(value, list) else [value]


def require_distinct(role, permissions):
    """Denying a permission has the effect of removing it only if no other permission of the role includes it."""
    for (_, action, resource), (_, other_action, other_resource) in itertools.permutations(permissions, 2):
        if fnmatchcase(action, other_action) and fnmatchcase(resource, other_resource):
            raise AssertionError(f"{role} may {action} on {resource} twice")


def check_each_permission(rehearsal, only=""):
    """Denies each permission on a resource whose name contains `only`, and returns {permission: what fails}."""
    checks, found, iam = Checks(rehearsal), {}, boto3.client("iam")
    problem = checks.problem()
    if problem:
        raise AssertionError(f"with all permissions: {problem}")
    for (_, action, resource), roles in permissions(rehearsal.stack()).items():
        if only not in resource:
            continue
        statement = {"Effect": "Deny", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        for role in roles:
            iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
        time.sleep(COLD_SECONDS)
        deadline = time.monotonic() + RECYCLED_SECONDS
        while not (problem := checks.problem()) and time.monotonic() < deadline:
            time.sleep(COLD_SECONDS)
        for role in roles:
            iam.delete_role_policy(RoleName=role, PolicyName="denied")
        if not problem:
            raise AssertionError(f"nothing fails without {action} on {resource}")
        found[f"{action} on {resource}"] = problem
    return found


class Checks:
    """The checks of `make smoke` that need permissions, and checks that only a rehearsal can run."""

    def __init__(self, rehearsal):
        self.rehearsal = rehearsal
        self.days = itertools.cycle(DAYS_APART)

    def problem(self):
        """The first failure, or None."""
        stack = self.rehearsal.stack()
        # MiniStack stores a line before it returns the response.
        stack.log_seconds = 0
        stack.started = int(time.time() * 1000)
        try:
            self.hook(stack)
            self.schedules()
            for function in smoke.FUNCTIONS:
                smoke.check_route(stack, function)
            self.uncached_ranges(stack)
            for function in stack.functions():
                smoke.check_warm_up(stack, function)
            for function in stack.functions():
                smoke.check_logs(stack, function)
                # A failure before the first event opens the circuit breaker, but no SharedCacheFailures counts it.
                lines = log_lines(stack, f"{stack.name}-{function}")
                if any('"WARN"' in line and "CACHE_TABLE" in line for line in lines):
                    raise smoke.Failed(f"calls of {function} to the table failed")
        except smoke.Failed as problem:
            return str(problem)
        return None

    def uncached_ranges(self, stack):
        """Requests ranges that are not cached, so that the table is read, leased, and written."""
        start = date.today() + timedelta(days=next(self.days))
        if "mcp" in stack.functions():
            smoke.check_tool_call(stack, "check_availability", {"start": str(start)})
        start = date.today() + timedelta(days=next(self.days))
        days = urllib.parse.urlencode({"start_time": start, "end_time": start + timedelta(days=1)})
        response = stack.get(f"{smoke.route('check-availability')}?{days}")
        if response.status != 200:
            raise smoke.Failed(response.summary())

    def hook(self, stack):
        """Runs the hook as CodeDeploy does, against the live versions."""
        resources = {r["ResourceType"]: r["PhysicalResourceId"] for r in stack.resources()}
        # The emulator's name of an execution.
        execution = "/".join(resources[f"AWS::CodeDeploy::{kind}"] for kind in ("Application", "DeploymentGroup"))
        event = {"DeploymentId": execution, "LifecycleEventHookExecutionId": execution}
        name = f"CodeDeployHook_{stack.name}"
        answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        status = boto3.client("codedeploy").get_deployment(deploymentId=execution)["deploymentInfo"]["status"]
        if "FunctionError" in answer or status != "Succeeded":
            raise smoke.Failed(f"the hook reports {status}, {answer.get('FunctionError', 'without an error')}")
        if not log_lines(stack, name):
            raise smoke.Failed("the hook wrote no log")

    def schedules(self):
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


def log_lines(stack, function):
    """The lines that a function has written since the checks started."""
    events = boto3.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{function}", startTime=stack.started
    )["events"]
    return [event["message"] for event in events]
