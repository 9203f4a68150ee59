"""Checks a deployed stage: `TOKEN=… .venv/bin/python scripts/smoke.py staging`.

Prints a table of the checks, with advice for each failure. Exits with 1 if a check failed. It changes nothing: it sends
requests, invokes warm-ups, and reads from CloudFormation, CloudWatch, and IAM.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import date, timedelta

import boto3
from samcli.lib.config.samconfig import SamConfig

from local import BINARY_NAMES, FUNCTIONS, MCP_ROUTE, ROOT, route

SECONDS = 30
# CloudWatch Logs returns a line only some seconds after it was written.
LOG_SECONDS = 90
PAGE = "docs/operations.md"
OUTPUTS = {
    "BaseUrl",
    "CalendlyPatSecretArn",
    "UserFunctionName",
    "UserEventTypesFunctionName",
    "CheckAvailabilityFunctionName",
}
# Actions that no role of the stack may be allowed, with any parameters.
FORBIDDEN = [
    ("secretsmanager:GetSecretValue", "arn:{partition}:secretsmanager:{region}:{account}:secret:another-AbCdEf"),
    ("secretsmanager:PutSecretValue", "*"),
    ("dynamodb:GetItem", "arn:{partition}:dynamodb:{region}:{account}:table/another"),
    ("dynamodb:Scan", "*"),
    ("logs:CreateLogGroup", "*"),
    ("logs:PutLogEvents", "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/another:log-stream:1"),
    ("lambda:InvokeFunction", "arn:{partition}:lambda:{region}:{account}:function:another"),
    (
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        "arn:{partition}:codedeploy:{region}:{account}:deploymentgroup:another/another",
    ),
    ("iam:PassRole", "*"),
    ("s3:GetObject", "*"),
]


class Failed(Exception):
    """A check failed; the text says why and what to do."""


class Response:
    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    def json(self):
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def summary(self):
        problem = self.json()
        return f"{self.status} {problem.get('code') or problem.get('message') or ''}".strip()


def send(url, method="GET", headers=(), body=None):
    """Sends a request and returns the response, whatever its status."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return Response(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.headers, error.read())
    except OSError as error:
        raise Failed(f"{url} does not answer: {error}. Is DefaultEndpoint DISABLED?") from error


class Stack:
    """A deployed stack, its nested stacks, and the clients that read them."""

    def __init__(self, name, token, send=send, log_seconds=LOG_SECONDS):
        self.name, self.token, self.send, self.log_seconds = name, token, send, log_seconds
        self.cloudformation = boto3.client("cloudformation")
        self.started = int(time.time() * 1000) - 5_000
        self.request_ids = {}
        [self.description] = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in self.description.get("Outputs", [])}
        self.parameters = {
            p["ParameterKey"]: p["ParameterValue"] for p in self.description.get("Parameters", [])
        }

    def resources(self, stack=None):
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack or self.name)
        return [resource for page in pages for resource in page["StackResourceSummaries"]]

    def nested(self):
        """{logical id: physical id} of the nested stacks."""
        return {
            r["LogicalResourceId"]: r["PhysicalResourceId"]
            for r in self.resources()
            if r["ResourceType"] == "AWS::CloudFormation::Stack"
        }

    def get(self, path, token=True, method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            named["Authorization"] = f"Bearer {self.token}"
        return self.send(self.outputs["BaseUrl"] + path, method, named)

    def call_tool(self, name, arguments):
        """The response of the MCP server to `tools/call`."""
        params = {"name": name, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.send(self.outputs["BaseUrl"] + MCP_ROUTE, "POST", headers, json.dumps(message).encode())

    def functions(self):
        """The names of the deployed functions."""
        return BINARY_NAMES if self.parameters.get("McpServer") == "ENABLED" else FUNCTIONS


def path_of(function):
    if function != "check-availability":
        return route(function)
    tomorrow = date.today() + timedelta(days=1)
    days = {"start_time": tomorrow, "end_time": tomorrow + timedelta(days=1)}
    return f"{route(function)}?{urllib.parse.urlencode(days)}"


def check_outputs(stack):
    status = stack.description["StackStatus"]
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise Failed(f"the stack is in {status}: see {PAGE}, A deployment that failed")
    missing = OUTPUTS - set(stack.outputs)
    if missing:
        raise Failed(f"outputs are missing: {', '.join(sorted(missing))}. Deploy this template")
    client = boto3.client("lambda")
    live = {
        function: client.get_alias(FunctionName=f"{stack.name}-{function}", Name="live")["FunctionVersion"]
        for function in stack.functions()
    }
    return f"{status}; live versions: " + ", ".join(f"{name} {version}" for name, version in live.items())


def check_route(stack, function):
    response = stack.get(path_of(function))
    if response.status != 200:
        raise Failed(f"{response.summary()}: see {PAGE}, When something is wrong")
    stack.request_ids[function] = response.headers.get("x-request-id", "")
    return "200"


def check_mcp(stack):
    check_tool_call(stack, "get_user", {})
    return "200, without an error"


def check_tool_call(stack, name, arguments):
    response = stack.call_tool(name, arguments)
    result = response.json().get("result", {})
    if response.status != 200 or "structuredContent" not in result or result.get("isError"):
        problem = result.get("structuredContent", {}).get("code", "")
        raise Failed(f"{response.summary()} {problem}: see {PAGE}, When something is wrong")
    stack.request_ids["mcp"] = response.headers.get("x-request-id", "")


def check_no_token(stack):
    for function in FUNCTIONS:
        response = stack.get(path_of(function), token=False)
        if response.status != 401 or "www-authenticate" not in response.headers:
            raise Failed(f"{function} answered {response.summary()}, instead of 401 with WWW-Authenticate")
    return "401 on every route"


def check_bad_token(stack):
    response = stack.get(path_of("user"), token=False, Authorization="Bearer " + stack.token[:-8] + "AAAAAAAA")
    if response.status != 401:
        raise Failed(f"a token with another signature was answered {response.summary()}")
    return "401"


def check_bad_parameter(stack):
    response = stack.get(route("check-availability") + "?start_time=never")
    if response.status != 400 or response.json().get("code") != "invalid_parameter":
        raise Failed(f"a bad start_time was answered {response.summary()}")
    return "400 invalid_parameter"


def check_warm_up(stack, function):
    client = boto3.client("lambda")
    answer = client.invoke(FunctionName=f"{stack.name}-{function}:live", Payload=b'{"warmer": true}')
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer or payload.get("warm") is not True:
        raise Failed(f"{payload}: see the function's log")
    if payload.get("unprepared"):
        raise Failed("; ".join(payload["unprepared"]) + f": see {PAGE}, All 503")
    return "everything prepared"


def check_cors(stack):
    origins = [origin for origin in stack.parameters["CorsAllowOrigins"].split(",") if origin]
    tried = [*origins, "https://not-allowed.invalid"]
    for origin in tried:
        origin = "https://any.invalid" if origin == "*" else origin
        response = stack.get(
            route("user"), token=False, method="OPTIONS", Origin=origin, Access_Control_Request_Method="GET",
            Access_Control_Request_Headers="authorization",
        )
        allowed = response.headers.get("access-control-allow-origin")
        expected = "*" in origins or origin in origins
        if bool(allowed) != expected:
            raise Failed(f"{origin} is {'not ' if expected else ''}allowed: compare CorsAllowOrigins")
    return ", ".join(origins) or "no origin allowed"


def check_alarms(stack):
    names = [
        resource["PhysicalResourceId"]
        for nested in stack.nested().values()
        for resource in stack.resources(nested)
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]
    if not names:
        if stack.parameters["Alarms"] == "ENABLED":
            raise Failed("there are no alarms. Deploy this template")
        return "Alarms is DISABLED"
    # The template has fewer alarms than the 100 that one call describes.
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names, MaxRecords=100)["MetricAlarms"]
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
    if set(names) - set(states):
        raise Failed(f"alarms are missing: {', '.join(sorted(set(names) - set(states)))}")
    in_alarm = sorted(name for name, state in states.items() if state == "ALARM")
    if in_alarm:
        raise Failed(f"in alarm: {', '.join(in_alarm)}: see {PAGE}, Alarms")
    return f"{len(names)} alarms, none in alarm"


def check_logs(stack, function):
    client = boto3.client("logs")
    group, deadline = f"/aws/lambda/{stack.name}-{function}", time.monotonic() + stack.log_seconds
    request_id = stack.request_ids.get(function)
    if not request_id:
        raise Failed("no request of this check succeeded")
    while True:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=stack.started, filterPattern=f'"{request_id}"'
        )
        for page in pages:
            for event in page["events"]:
                if f'"request_id":"{request_id}"' in event["message"].replace('": "', '":"'):
                    return "the request's line is there"
        if time.monotonic() > deadline:
            raise Failed(
                f"no line of {request_id} in {group} after {stack.log_seconds} s: "
                "check that the function's role may write logs"
            )
        time.sleep(1)


def check_permissions(stack):
    iam, identity = boto3.client("iam"), boto3.client("sts").get_caller_identity()
    _, partition, *_ = identity["Arn"].split(":")
    place = {"partition": partition, "account": identity["Account"], "region": boto3.session.Session().region_name}
    roles = [
        r["PhysicalResourceId"]
        for nested in ("Roles", "Hook")
        for r in stack.resources(stack.nested()[nested])
        # AWS manages the policy of the deployment role.
        if r["ResourceType"] == "AWS::IAM::Role" and r["LogicalResourceId"] != "DeploymentRole"
    ]
    for role in roles:
        arn = iam.get_role(RoleName=role)["Role"]["Arn"]
        for action, resource in FORBIDDEN:
            found = iam.simulate_principal_policy(
                PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource.format(**place)]
            )["EvaluationResults"]
            if any(result["EvalDecision"] == "allowed" for result in found):
                raise Failed(f"{role} may {action} on {resource}: remove the permission from the role's policies")
    return f"{len(FORBIDDEN)} actions refused for {len(roles)} roles"


def checks(functions):
    """(name, check) in order."""
    yield "stack and outputs", check_outputs
    for function in FUNCTIONS:
        yield f"GET {route(function)}", lambda stack, f=function: check_route(stack, f)
    if "mcp" in functions:
        yield f"POST {MCP_ROUTE}", check_mcp
    yield "without a token", check_no_token
    yield "with a forged token", check_bad_token
    yield "with a bad parameter", check_bad_parameter
    for function in functions:
        yield f"warm-up of {function}", lambda stack, f=function: check_warm_up(stack, f)
    yield "CORS", check_cors
    yield "alarms", check_alarms
    for function in functions:
        yield f"log of {function}", lambda stack, f=function: check_logs(stack, f)
    yield "refused permissions", check_permissions


def run(stack):
    """[(name, passed, text)] of all checks."""
    found = []
    for name, check in checks(stack.functions()):
        try:
            found.append((name, True, check(stack)))
        except Failed as problem:
            found.append((name, False, str(problem)))
        except Exception as error:  # A check that cannot run fails; the others continue.
            found.append((name, False, f"{type(error).__name__}: {error}"))
    return found


def table(results):
    width = max(len(name) for name, _, _ in results)
    return "\n".join(f"{'ok' if passed else 'FAILED':6}  {name:{width}}  {text}" for name, passed, text in results)


def configuration(stage):
    """The parameters of `sam deploy` for a stage."""
    return SamConfig(str(ROOT), "samconfig.toml").get_all(["deploy"], "parameters", env=stage)


def main():
    [stage] = sys.argv[1:]
    token = os.environ.get("TOKEN")
    if not token:
        sys.exit("make smoke: TOKEN is a caller's token, as in: make smoke STAGE=staging TOKEN=…")
    try:
        stack = Stack(configuration(stage)["stack_name"], token)
    except Exception as error:
        sys.exit(f"make smoke: the stack of {stage} cannot be read: {error}")
    results = run(stack)
    print(table(results))
    sys.exit(0 if all(passed for _, passed, _ in results) else 1)


if __name__ == "__main__":
    main()
