"""Writes events/: `python3 scripts/make_events.py`, or `make events`.

Writes sample events of both API Gateway payloads for each function, with good and bad requests, warm-ups, the
expected answers (expected.json), and the environment of `sam local` (env.json).

The tokens, which are taken from the files, are signed with the sandbox's fixed test keys: one is valid until 2126, one
expired in 2020. The time range of check-availability's events starts DAYS_AHEAD days after the day of writing.
`--refresh`, which `make run` and `make test` use, moves it when it is about to pass.
"""

import json
import sys
import urllib.parse
from datetime import date, timedelta

import local
import payload

EVENTS = local.ROOT / "events"

# Less than a year: the sandbox, like Calendly, has slots there.
DAYS_AHEAD = 330
DAYS_LEAST_AHEAD = 2
RANGE_DAYS = 4

API = "a1b2c3d4e5"
HOST = f"{API}.execute-api.{local.REGION}.amazonaws.com"
CALLER = "203.0.113.7"
CLIENT = "curl/8.14.1"
TIME = "01/Dec/2026:09:30:00 +0000"
TIME_EPOCH_MS = 1796117400000
TRACE = f"Root=1-{TIME_EPOCH_MS // 1000:x}-1f2e3d4c5b6a798897a6b5c4"

OK = {"status": 200}


def samples(first_day):
    """(name, function, event, expected answer) of each sample; `first_day` begins the range of the good ones."""
    last_day = first_day + timedelta(days=RANGE_DAYS)
    instants = {"start_time": f"{first_day}T00:00:00Z", "end_time": f"{last_day}T23:59:59Z"}
    dates = {"start_time": str(first_day), "end_time": str(last_day), "timezone": "Europe/Lisbon"}
    backwards = {"start_time": "2099-01-02T00:00:00Z", "end_time": "2099-01-01T00:00:00Z"}
    several = {"event_type": ["catch-up", "demo"], **dates}
    moment = {"at": f"{first_day}T09:00:00", "timezone": "Europe/Lisbon"}
    good, expired = tokens()
    user, event_types, availability = local.FUNCTIONS
    both = {"http-api": http_api, "rest-api": rest_api}
    missing, late = {"status": 401, "code": "token_missing"}, {"status": 401, "code": "token_expired"}

    def invalid(parameter):
        return {"status": 400, "code": "invalid_parameter", "parameter": parameter}

    for function, gateways, suffix, token, parameters, expected in [
        (user, both, "", good, None, OK),
        (user, both, "-no-token", None, None, missing),
        (user, both, "-expired-token", expired, None, late),
        (event_types, ["http-api"], "", good, None, OK),
        (event_types, ["rest-api"], "", good, {"active": "true"}, OK),
        (availability, ["http-api"], "", good, instants, OK),
        (availability, ["rest-api"], "", good, dates, OK),
        (availability, ["http-api"], "-several", good, several, OK),
        (availability, ["http-api"], "-match-all", good, {**several, "match": "all"}, OK),
        (availability, ["http-api"], "-at", good, {**moment, "event_type": "catch-up"}, OK),
        (availability, ["http-api"], "-limit", good, {**instants, "limit": "3"}, OK),
        (
            availability,
            ["http-api"],
            "-duration",
            good,
            {**instants, "event_type": "demo", "duration": "15"},
            OK,
        ),
        (availability, ["rest-api"], "-several", good, several, OK),
        (availability, ["http-api"], "-at-and-range", good, {**moment, **dates}, invalid("at")),
        (availability, both, "-bad-range", good, backwards, invalid("end_time")),
        (
            availability,
            ["http-api"],
            "-no-start-time",
            good,
            {"end_time": instants["end_time"]},
            invalid("start_time"),
        ),
        (
            availability,
            ["http-api"],
            "-unknown-slug",
            good,
            {**instants, "event_type": "no-such-event-type"},
            {"status": 404, "code": "no_event_type"},
        ),
    ]:
        for gateway in gateways:
            yield (
                f"{function}-{gateway}{suffix}",
                function,
                both[gateway](local.route(function), token, parameters),
                expected,
            )
    call = tool_call("check_availability", event_types=["catch-up"], start=str(first_day), end=str(last_day))
    for gateway, suffix, path, token, message, expected in [
        ("http-api", "", local.MCP_ROUTE, good, call, OK),
        ("rest-api", "", local.MCP_ROUTE, good, call, OK),
        ("http-api", "-tools-list", local.MCP_ROUTE, good, json_rpc("tools/list"), OK),
        ("http-api", "-no-token", local.MCP_ROUTE, None, call, missing),
        ("http-api", "-metadata", local.MCP_METADATA_ROUTE, None, None, OK),
    ]:
        yield f"mcp-{gateway}{suffix}", "mcp", both[gateway](path, token, message=message), expected
    for name, function, event in [
        ("rule", user, scheduled_by_rule()),
        ("scheduler", event_types, scheduled_by_scheduler()),
        ("warmer", availability, {"warmer": True}),
        ("serverless-plugin", user, {"source": "serverless-plugin-warmup"}),
    ]:
        yield f"warm-up-{name}", function, event, {"warm": True}


def json_rpc(method, **params):
    """A message of MCP's versions with a handshake."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def tool_call(tool, **arguments):
    """The message that calls a tool."""
    return json_rpc("tools/call", name=tool, arguments=arguments)


def values(value):
    """The values of a parameter, which may occur several times."""
    return value if isinstance(value, list) else [value]


def http_api(path, token, parameters=None, message=None):
    """An HTTP API event, payload 2.0: a POST of the message if there is one."""
    method, body = ("POST", message.encode()) if message else ("GET", b"")
    headers = {
        "accept": "*/*",
        "authorization": token and f"Bearer {token}",
        "content-length": str(len(body)),
        "content-type": message and "application/json",
        "host": HOST,
        "user-agent": CLIENT,
        "x-amzn-trace-id": TRACE,
        "x-forwarded-for": CALLER,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    query = urllib.parse.urlencode(parameters or {}, doseq=True)
    return payload.event(
        method,
        f"{path}?{query}",
        [(name, value) for name, value in headers.items() if value],
        body,
        route_key=next(key for key in (f"{method} {path}", f"ANY {path}") if key in local.ROUTES),
        api=API,
        domain=HOST,
        caller=CALLER,
        request_id="JKJaXmPLvHcESHA=",
        time=TIME,
        epoch_ms=TIME_EPOCH_MS,
    )


def rest_api(path, token, parameters=None, message=None):
    """A REST API event, payload 1.0. API Gateway sends null for absent members."""
    method = "POST" if message else "GET"
    headers = {
        "Accept": "*/*",
        "Authorization": f"Bearer {token}",
        "Host": HOST,
        "User-Agent": CLIENT,
        "X-Amzn-Trace-Id": TRACE,
        "X-Forwarded-For": CALLER,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if token is None:
        del headers["Authorization"]
    if message:
        headers["Content-Type"] = "application/json"
    several = {name: values(value) for name, value in parameters.items()} if parameters else None
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": parameters and {name: values(value)[-1] for name, value in parameters.items()},
        "multiValueQueryStringParameters": several,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "x1y2z3",
            "resourcePath": path,
            "httpMethod": method,
            "extendedRequestId": "JKJaXEXAIAMFSMA=",
            "requestTime": TIME,
            # Includes the stage, unlike `path` above.
            "path": f"/prod{path}",
            "accountId": payload.ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": API,
            "requestTimeEpoch": TIME_EPOCH_MS,
            "requestId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
            "identity": {
                "cognitoIdentityPoolId": None,
                "accountId": None,
                "cognitoIdentityId": None,
                "caller": None,
                "sourceIp": CALLER,
                "principalOrgId": None,
                "accessKey": None,
                "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None,
                "userArn": None,
                "userAgent": CLIENT,
                "user": None,
            },
            "domainName": HOST,
            "deploymentId": "k7l8m9",
            "apiId": API,
        },
        "body": message,
        "isBase64Encoded": False,
    }


def scheduled_by_rule():
    """The event of an EventBridge rule with a schedule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": payload.ACCOUNT,
        "time": "2026-12-01T09:30:00Z",
        "region": local.REGION,
        "resources": [f"arn:aws:events:{local.REGION}:{payload.ACCOUNT}:rule/warm-up"],
        "detail": {},
    }


def scheduled_by_scheduler():
    """The default event of EventBridge Scheduler: `detail` is a string."""
    return scheduled_by_rule() | {
        "source": "aws.scheduler",
        "resources": [f"arn:aws:scheduler:{local.REGION}:{payload.ACCOUNT}:schedule/default/warm-up"],
        "detail": "{}",
    }


def tokens():
    """The tokens of the files in events/."""

    def token(name):
        event = json.loads((EVENTS / f"{name}.json").read_text())
        return event["headers"]["authorization"].removeprefix("Bearer ")

    return token("user-http-api"), token("user-http-api-expired-token")


def refresh():
    """Moves the time range of the samples if it is about to pass; returns whether it did."""
    event = json.loads((EVENTS / "check-availability-http-api.json").read_text())
    first_day = date.fromisoformat(event["queryStringParameters"]["start_time"][:10])
    if first_day >= date.today() + timedelta(days=DAYS_LEAST_AHEAD):
        return False
    write()
    return True


def write():
    """Writes every file in events/."""
    ahead = date.today() + timedelta(days=DAYS_AHEAD)
    monday = ahead - timedelta(days=ahead.weekday())
    expected = {}
    for name, function, event, answer in samples(monday):
        write_json(f"{name}.json", event)
        expected[f"{name}.json"] = {"function": function, **answer}
    write_json("expected.json", expected)
    # The host, as seen from a container.
    machine = "http://host.docker.internal"
    write_json(
        "env.json",
        {
            "Parameters": local.configuration(
                f"{machine}:{local.SANDBOX_PORT}", f"{machine}:{local.SECRETS_MANAGER_PORT}"
            )
        },
    )


def write_json(name, content):
    (EVENTS / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == []:
        write()
    elif arguments == ["--refresh"]:
        refresh()
    else:
        sys.exit("usage: make_events.py [--refresh]")
