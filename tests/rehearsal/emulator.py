"""A local AWS for `make rehearse`: MiniStack, with the missing features that template.yaml needs.

It replaces internals of MiniStack, so scripts/requirements/rehearsal.in pins the version.

Environment variables, in addition to MiniStack's own:

    SANDBOX           base URL of the sandbox, which stands in for Calendly and for the issuer
    SANDBOX_ISSUER    the issuer that the sandbox's tokens name
    CANARY_SECONDS    duration of a canary deployment, instead of five minutes
    RECYCLE_SECONDS   lifetime of the functions' environments, so that steady traffic causes cold starts too
"""

import functools
import json
import logging
import os
import sys
import threading
import time
import uuid

import ministack.app as app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import apigateway, cloudwatch, iam, lambda_svc, secretsmanager
from ministack.services import cloudformation as cfn
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

log = logging.getLogger("rehearsal")
SANDBOX = os.environ["SANDBOX"]
SANDBOX_ISSUER = os.environ["SANDBOX_ISSUER"]
CANARY_SECONDS = float(os.environ["CANARY_SECONDS"])
RECYCLE_SECONDS = float(os.environ["RECYCLE_SECONDS"])
HANDLERS = provisioners._RESOURCE_HANDLERS


def replaces(module, name):
    """Replaces a function of MiniStack, which the new one gets as `plain`."""

    def replace(function):
        setattr(module, name, functools.partial(function, plain=getattr(module, name)))
        return function

    return replace


# CloudFormation: conditions. MiniStack evaluates only Ref and Fn::Select in Fn::Equals. In template.yaml, a condition
# follows those that it names.


def evaluate_conditions(template, params):
    mappings, found = template.get("Mappings") or {}, {}
    for name, definition in (template.get("Conditions") or {}).items():
        found[name] = engine._resolve_refs(definition, {}, params, found, mappings, "", "")
    return found


for module in (engine, handlers, changesets, stacks):
    module._evaluate_conditions = evaluate_conditions


# CloudFormation: dependencies. References in an UpdatePolicy count too.


@replaces(engine, "_extract_deps")
def extract_deps(resource, names, *, plain):
    references = engine._intrinsic_references(resource.get("UpdatePolicy") or {})
    return plain(resource, names) | {name for name, _ in references if name in names}


# CloudFormation: a resource of a nested stack keeps its attributes when an update does not change it.


@replaces(provisioners, "_update_resource")
def update_resource(kind, physical_id, old, new, stack, logical_id=None, attributes=None, *, plain):
    if attributes is None:
        known = cfn._stacks[stack].get("_resources", {}).get(logical_id, {})
        attributes = known.get("Attributes")
    return plain(kind, physical_id, old, new, stack, logical_id, attributes)


# API Gateway: the OpenAPI body of an HTTP API. MiniStack ignores it.


def api_properties(props):
    body = props["Body"]
    cors = body.get("x-amazon-apigateway-cors")
    extra = {"Name": body["info"]["title"]}
    if cors:
        extra["CorsConfiguration"] = cors
    return props | extra


def import_body(api_id, body):
    for store in (apigateway._routes, apigateway._integrations, apigateway._authorizers):
        store[api_id] = {}
    authorizers = {}
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    for name, scheme in schemes.items():
        wanted = scheme["x-amazon-apigateway-authorizer"]
        authorizer = {
            "name": name,
            "authorizerType": wanted["type"].upper(),
            "identitySource": [wanted["identitySource"]],
            "jwtConfiguration": wanted["jwtConfiguration"],
        }
        authorizers[name] = created(apigateway._create_authorizer(api_id, authorizer))["authorizerId"]
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            wanted = operation["x-amazon-apigateway-integration"]
            integration = {
                "integrationType": wanted["type"].upper(),
                "integrationUri": wanted["uri"],
                "integrationMethod": wanted["httpMethod"],
                "payloadFormatVersion": wanted["payloadFormatVersion"],
            }
            integration_id = created(apigateway._create_integration(api_id, integration))["integrationId"]
            route = {"routeKey": f"{method.upper()} {path}", "target": f"integrations/{integration_id}"}
            for scheme in operation.get("security") or []:
                ((name, scopes),) = scheme.items()
                route |= {"authorizationType": "JWT", "authorizerId": authorizers[name], "authorizationScopes": scopes}
            created(apigateway._create_route(api_id, route))


def created(answer):
    status, _, body = answer
    assert status < 300, answer
    return json.loads(body)


def api_create(logical_id, props, stack, plain=provisioners._apigw_v2_api_create):
    api_id, attributes = plain(logical_id, api_properties(props), stack)
    import_body(api_id, props["Body"])
    return api_id, attributes


def api_update(physical_id, old, new, stack, logical_id=None, plain=provisioners._apigw_v2_api_update):
    api_id, attributes = plain(physical_id, api_properties(old), api_properties(new), stack, logical_id)
    import_body(api_id, new["Body"])
    return api_id, attributes


HANDLERS["AWS::ApiGatewayV2::Api"] |= {"create": api_create, "update": api_update}


@replaces(apigateway, "_fetch_oidc_jwks_uri")
async def issuer_keys(issuer, *, plain):
    """Returns the sandbox's keys, because its issuer's host name does not resolve."""
    return f"{SANDBOX}/issuer/jwks" if issuer == SANDBOX_ISSUER else await plain(issuer)


@replaces(apigateway, "_jwt_unauthorized")
def unauthorized(*arguments, plain):
    status, headers, body = plain(*arguments)
    return status, headers | {"WWW-Authenticate": "Bearer"}, body


# Secrets Manager: Ref of a secret is its ARN, and a secret without a value has no version.


def secret_create(logical_id, props, stack, plain=provisioners._sm_secret_create):
    name, attributes = plain(logical_id, props, stack)
    if "SecretString" not in props and "GenerateSecretString" not in props:
        secretsmanager._secrets[name]["Versions"] = {}
    return attributes["Arn"], attributes


def secret_update(physical_id, old, new, stack, logical_id=None, plain=provisioners._sm_secret_update):
    _, attributes = plain(secretsmanager._resolve(physical_id)[0], old, new, stack, logical_id)
    return attributes["Arn"], attributes


def secret_delete(physical_id, props, plain=provisioners._sm_secret_delete):
    plain(secretsmanager._resolve(physical_id)[0], props)


HANDLERS["AWS::SecretsManager::Secret"] |= {
    "create": secret_create,
    "update": secret_update,
    "delete": secret_delete,
}


# IAM, where MiniStack does not enforce it: KMS keys of secrets, logs, CodeDeploy.


def may(role, action, resource, context=()):
    """Whether the policies of a role, and its boundary, allow an action."""
    account = get_account_id()
    found = iam_evaluator.evaluate(
        iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/rehearsal",
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=resource,
            region=get_region(),
            service_context=dict(context),
        ),
        iam_evaluator._gather_role_policies(role, account),
        *iam_evaluator._permissions_boundary(iam._roles, role, account),
    )
    return found.decision == "Allow"


# The part of CodeDeploy's policy that invokes hooks.
HOOKS = "arn:aws:lambda:*:*:function:CodeDeployHook_*"
INVOKE_HOOKS = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": HOOKS}
iam._aws_managed_policies["arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"] = (
    iam._make_aws_managed_record(
        "AWSCodeDeployRoleForLambda", json.dumps({"Version": "2012-10-17", "Statement": [INVOKE_HOOKS]}), ""
    )
)


@replaces(secretsmanager, "_get_secret_value")
def get_secret_value(data, *, plain):
    role = iam_evaluator._role_name_from_assumed_arn(iam_evaluator.caller_arn())
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    key = (secret or {}).get("KmsKeyId")
    service = f"secretsmanager.{get_region()}.amazonaws.com"
    if key and role and not may(role, "kms:Decrypt", key, {"kms:viaservice": service}):
        return error_response_json("AccessDeniedException", "Access to KMS is not allowed", 400)
    return plain(data)


@replaces(lambda_svc, "_emit_lambda_logs")
def emit_logs(func, *arguments, plain, **named):
    config = func.get("config") or func
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    role = config["Role"].rpartition("/")[2]
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}"
    actions = ("logs:CreateLogStream", "logs:PutLogEvents")
    if group and all(may(role, action, f"{arn}:log-stream:1") for action in actions):
        plain(func, *arguments, **named)


# Lambda: the sandbox in place of Calendly, and short-lived environments.


@replaces(lambda_svc, "_provided_worker_env")
def worker_environment(config, folder, port, *, plain):
    environment = plain(config, folder, port) | {"CALENDLY_BASE_URL": SANDBOX}
    if environment.get("JWT_ISSUER") == SANDBOX_ISSUER:
        environment["JWT_JWKS_URL"] = f"{SANDBOX}/issuer/jwks"
    # The SDKs use MiniStack's endpoint for all services. An empty variable would override it.
    environment.pop("AWS_ENDPOINT_URL_SECRETS_MANAGER", None)
    return environment


def recycle_environments():
    """Ends environments of functions, but not that of the hook, which caches nothing."""

    def is_old(worker):
        is_function = isinstance(worker, lambda_runtime.ProvidedWorker) and not worker.in_use
        return is_function and (worker._start_time or 0) < time.time() - RECYCLE_SECONDS

    while True:
        time.sleep(RECYCLE_SECONDS / 4)
        old = []
        with lambda_runtime._lock:
            for workers in lambda_runtime._workers.values():
                for worker in filter(is_old, list(workers)):
                    workers.remove(worker)
                    old.append(worker)
        lambda_runtime.kill_workers(old)


# CloudWatch: alarms with metric math are stored. Nothing evaluates them.


@replaces(provisioners, "_cw_metric_alarm_record")
def alarm_record(name, props, *, plain):
    if not props.get("Metrics"):
        return plain(name, props)
    simple = {"Metrics": None, "MetricName": "-", "Namespace": "-", "Period": 60}
    return plain(name, props | simple) | {"Metrics": props["Metrics"], "MetricName": None, "Namespace": None}


# Saved queries and applications of CodeDeploy: resources without an effect.


def generated_name(logical_id, props, stack):
    return f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}", {}


for kind in ("AWS::Logs::QueryDefinition", "AWS::CodeDeploy::Application"):
    HANDLERS[kind] = {
        "create": generated_name,
        "update": lambda physical_id, old, new, stack, logical_id=None: (physical_id, {}),
        "delete": lambda physical_id, props: None,
    }


# CodeDeploy: the deployment of an alias with its hook, its canary, and its alarms.

# {name: properties} of deployment groups, and {execution: status} of their hooks. "application/group" identifies an
# execution, so that a group has one at a time.
groups, statuses = {}, {}


def group_create(logical_id, props, stack):
    name, attributes = generated_name(logical_id, props, stack)
    groups[name] = props
    return name, attributes


def group_update(physical_id, old, new, stack, logical_id=None):
    groups[physical_id] = new
    return physical_id, {}


HANDLERS["AWS::CodeDeploy::DeploymentGroup"] = {
    "create": group_create,
    "update": group_update,
    "delete": lambda physical_id, props: groups.pop(physical_id, None),
}
CONTENT_TYPE = "application/x-amz-json-1.1"


async def codedeploy(method, path, headers, body, query_params):
    """PutLifecycleEventHookExecutionStatus, which the hook calls, and the operations that the rehearsal calls."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    request, answer = json.loads(body or b"{}"), {}
    if operation == "PutLifecycleEventHookExecutionStatus":
        statuses[request["lifecycleEventHookExecutionId"]] = request["status"]
    elif operation == "GetDeployment":
        answer["deploymentInfo"] = {"status": statuses[request["deploymentId"]]}
    elif operation == "ListDeploymentGroups":
        answer["deploymentGroups"] = sorted(groups)
    else:
        return 400, {"Content-Type": CONTENT_TYPE}, json.dumps({"__type": "InvalidOperation"}).encode()
    return 200, {"Content-Type": CONTENT_TYPE}, json.dumps(answer).encode()


@replaces(app, "detect_service")
def detect_service(method, path, headers, query_params, *rest, plain, **named):
    if headers.get("x-amz-target", "").startswith("CodeDeploy_20141006."):
        return "codedeploy"
    return plain(method, path, headers, query_params, *rest, **named)


@replaces(iam_actions, "extract_resource_arn")
def resource_arn(service, method, path, headers, body, params, region, account, *, plain):
    if service != "codedeploy":
        return plain(service, method, path, headers, body, params, region, account)
    execution = json.loads(body or b"{}").get("lifecycleEventHookExecutionId")
    return f"arn:aws:codedeploy:{region}:{account}:" + (f"deploymentgroup:{execution}" if execution else "*")


app.SERVICE_HANDLERS["codedeploy"] = codedeploy
iam_actions.SERVICE_TO_IAM_NAMESPACE["codedeploy"] = "codedeploy"


class DeploymentFailed(Exception):
    """An alias was not moved. The message is the reason in CloudFormation's events."""


def alias_update(physical_id, old, new, stack_name, logical_id=None, plain=provisioners._lambda_alias_update):
    stack = cfn._stacks[stack_name]
    template = stack.get("_pending_template") or stack["_template"]
    policy = (template["Resources"][logical_id].get("UpdatePolicy") or {}).get("CodeDeployLambdaAliasUpdate")
    is_rollback = "ROLLBACK" in stack["StackStatus"]
    if not policy or is_rollback or old["FunctionVersion"] == new["FunctionVersion"]:
        return plain(physical_id, old, new, stack_name, logical_id)
    live = live_version(physical_id)
    if live != old["FunctionVersion"]:
        raise DeploymentFailed(
            "The Lambda function alias version does not match the current version in AppSpec file. "
            "(Error code: INVALID_LAMBDA_CONFIGURATION)"
        )
    policy = engine._resolve_refs(
        json.loads(json.dumps(policy)), stack["_resources"], stack["_resolved_params"],
        stack.get("_conditions") or {}, {}, stack_name, stack["StackId"],
    )
    group = groups[policy["DeploymentGroupName"]]
    status = run_hook(policy["BeforeAllowTrafficHook"], policy, group)
    log.info("deployment of %s: hook %s", physical_id, status)
    if status != "Succeeded":
        raise DeploymentFailed(f"The deployment failed: BeforeAllowTraffic {status}")
    canary = {"FunctionVersion": new["FunctionVersion"], "FunctionWeight": 0.1}
    weighted = new | {
        "FunctionVersion": old["FunctionVersion"],
        "RoutingConfig": {"AdditionalVersionWeights": [canary]},
    }
    plain(physical_id, old, weighted, stack_name, logical_id)
    end = time.monotonic() + CANARY_SECONDS
    while time.monotonic() < end:
        if alarms := alarms_in_alarm(group):
            plain(physical_id, weighted, old, stack_name, logical_id)
            raise DeploymentFailed(f"The deployment was stopped by {alarms}")
        time.sleep(0.2)
    return plain(physical_id, weighted, new, stack_name, logical_id)


def live_version(alias):
    function, _, name = alias.rpartition(":")
    record, *_ = provisioners._lambda_function_for_cfn_ref(function)
    return record["aliases"][name]["FunctionVersion"]


def run_hook(function, policy, group):
    record, *_ = provisioners._lambda_function_for_cfn_ref(function)
    role = group["ServiceRoleArn"].rpartition("/")[2]
    if not may(role, "lambda:InvokeFunction", record["config"]["FunctionArn"]):
        return "Failed: CodeDeploy's role may not invoke the hook"
    execution = f"{policy['ApplicationName']}/{policy['DeploymentGroupName']}"
    statuses[execution] = "TimedOut"
    event = {"DeploymentId": execution, "LifecycleEventHookExecutionId": execution}
    result = lambda_svc._execute_function(record, event)
    if result.get("error"):
        log.error("the hook failed: %s", result)
    return statuses[execution]


def alarms_in_alarm(group):
    names = [alarm["Name"] for alarm in (group.get("AlarmConfiguration") or {}).get("Alarms", [])]
    return [name for name in names if cloudwatch._alarms[name].get("StateValue") == "ALARM"]


HANDLERS["AWS::Lambda::Alias"] |= {"update": alias_update}
plain_runs = stacks._runs_on_worker_thread
stacks._runs_on_worker_thread = lambda kind: kind == "AWS::Lambda::Alias" or plain_runs(kind)


if __name__ == "__main__":
    threading.Thread(target=recycle_environments, daemon=True).start()
    sys.argv = ["ministack"]
    app.main()
