"""Writes events/: `python3 scripts/make_events.py`, or `make events`.

For each function an HTTP API event (payload 2.0) and a REST API event (payload 1.0) with the
fields that API Gateway sends, requests that must be refused, and warm-ups; what each is answered
(expected.json); and the environment of `sam local` (env.json). The fields follow AWS's
documentation: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and "Lambda proxy
integrations in API Gateway".

The tokens are the sandbox's, signed with its fixed test keys: one is good until 2126, one expired
in 2020. With `--mint URL` they are minted anew by the sandbox at that URL; else those in events/
are kept. The range that check-availability's events ask about lies DAYS_AHEAD of the day they are
written. `refresh`, which `make run` and `make test` call, moves it ahead when that time has come.
"""

import json
import sys
import urllib.parse
import urllib.request
from datetime import date, timedelta

import local

EVENTS = local.ROOT / "events"

# Under a year, so that the sandbox, as Calendly, has slots there.
DAYS_AHEAD = 330
DAYS_LEAST_AHEAD = 2
RANGE_DAYS = 4

ACCOUNT = "123456789012"
API = "a1b2c3d4e5"
HOST = f"{API}.execute-api.{local.REGION}.amazonaws.com"
CALLER = "203.0.113.7"
CLIENT = "curl/8.14.1"
TIME = "01/Dec/2026:09:30:00 +0000"
TIME_EPOCH_MS = 1796117400000
TRACE = f"Root=1-{TIME_EPOCH_MS // 1000:x}-1f2e3d4c5b6a798897a6b5c4"

ISSUED_AT = 1767225600  # 2026-01-01
GOOD_UNTIL = 4922899200  # 2126-01-01
EXPIRED_AT = 1577836800  # 2020-01-01


class Sample:
    """One event file and what it is answered."""

    def __init__(self, name, function, event, **expected):
        self.name = name
        self.event = event
        self.expected = {"function": function, **expected}


def samples(tokens, first_day):
    """Every sample; `first_day` begins the range that the good ones ask about."""
    last_day = first_day + timedelta(days=RANGE_DAYS)
    instants = {"start_time": f"{first_day}T00:00:00Z", "end_time": f"{last_day}T23:59:59Z"}
    dates = {"start_time": str(first_day), "end_time": str(last_day), "timezone": "Europe/Lisbon"}
    good, expired = tokens["good"], tokens["expired"]
    user, event_types, availability = local.FUNCTIONS
    yield Sample("user-http-api", user, http_api(user, good), status=200)
    yield Sample("user-rest-api", user, rest_api(user, good), status=200)
    for name, gateway in (("http-api", http_api), ("rest-api", rest_api)):
        yield Sample(f"user-{name}-no-token", user, gateway(user, None), status=401, code="token_missing")
        yield Sample(
            f"user-{name}-expired-token", user, gateway(user, expired), status=401, code="token_expired"
        )
    yield Sample("user-event-types-http-api", event_types, http_api(event_types, good), status=200)
    yield Sample(
        "user-event-types-rest-api", event_types, rest_api(event_types, good, {"active": "true"}), status=200
    )
    yield Sample(
        "check-availability-http-api", availability, http_api(availability, good, instants), status=200
    )
    yield Sample("check-availability-rest-api", availability, rest_api(availability, good, dates), status=200)
    several = {"event_type": ["catch-up", "demo"]}
    moment = {"at": f"{first_day}T09:00:00", "timezone": "Europe/Lisbon"}
    for name, parameters in (
        ("several", {**several, **dates}),
        ("match-all", {**several, **dates, "match": "all"}),
        ("at", {**moment, "event_type": "catch-up"}),
        ("limit", {**instants, "limit": "3"}),
        ("duration", {**instants, "event_type": "demo", "duration": "15"}),
    ):
        yield Sample(
            f"check-availability-http-api-{name}",
            availability,
            http_api(availability, good, parameters),
            status=200,
        )
    yield Sample(
        "check-availability-rest-api-several",
        availability,
        rest_api(availability, good, {**several, **dates}),
        status=200,
    )
    yield Sample(
        "check-availability-http-api-at-and-range",
        availability,
        http_api(availability, good, {**moment, **dates}),
        status=400,
        code="invalid_parameter",
        parameter="at",
    )
    backwards = {"start_time": "2099-01-02T00:00:00Z", "end_time": "2099-01-01T00:00:00Z"}
    for name, gateway in (("http-api", http_api), ("rest-api", rest_api)):
        yield Sample(
            f"check-availability-{name}-bad-range",
            availability,
            gateway(availability, good, backwards),
            status=400,
            code="invalid_parameter",
            parameter="end_time",
        )
    yield Sample(
        "check-availability-http-api-no-start-time",
        availability,
        http_api(availability, good, {"end_time": instants["end_time"]}),
        status=400,
        code="invalid_parameter",
        parameter="start_time",
    )
    yield Sample(
        "check-availability-http-api-unknown-slug",
        availability,
        http_api(availability, good, {**instants, "event_type": "no-such-event-type"}),
        status=404,
        code="no_event_type",
    )
    yield Sample("warm-up-rule", user, scheduled_by_rule(), warm=True)
    yield Sample("warm-up-scheduler", event_types, scheduled_by_scheduler(), warm=True)
    yield Sample("warm-up-warmer", availability, {"warmer": True}, warm=True)
    yield Sample("warm-up-serverless-plugin", user, {"source": "serverless-plugin-warmup"}, warm=True)


def values(value):
    """Those of a parameter, which may be given several times."""
    return value if isinstance(value, list) else [value]


def http_api(function, token, parameters=None):
    """An HTTP API event, payload 2.0. API Gateway leaves out what a request does not have."""
    path = local.route(function)
    headers = {
        "accept": "*/*",
        "authorization": f"Bearer {token}",
        "content-length": "0",
        "host": HOST,
        "user-agent": CLIENT,
        "x-amzn-trace-id": TRACE,
        "x-forwarded-for": CALLER,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if token is None:
        del headers["authorization"]
    event = {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": urllib.parse.urlencode(parameters or {}, doseq=True),
        "headers": headers,
        "queryStringParameters": parameters
        and {name: ",".join(values(value)) for name, value in parameters.items()},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API,
            "domainName": HOST,
            "domainPrefix": API,
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": CALLER,
                "userAgent": CLIENT,
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"GET {path}",
            "stage": "$default",
            "time": TIME,
            "timeEpoch": TIME_EPOCH_MS,
        },
        "isBase64Encoded": False,
    }
    if parameters is None:
        del event["queryStringParameters"]
    return event


def rest_api(function, token, parameters=None):
    """A REST API event, payload 1.0. API Gateway sends null for what a request does not have."""
    path = local.route(function)
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
    several = {name: values(value) for name, value in parameters.items()} if parameters else None
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": parameters and {name: values(value)[-1] for name, value in parameters.items()},
        "multiValueQueryStringParameters": several,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "x1y2z3",
            "resourcePath": path,
            "httpMethod": "GET",
            "extendedRequestId": "JKJaXEXAIAMFSMA=",
            "requestTime": TIME,
            # With the stage, unlike `path` above.
            "path": f"/prod{path}",
            "accountId": ACCOUNT,
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
        "body": None,
        "isBase64Encoded": False,
    }


def scheduled_by_rule():
    """What an EventBridge rule with a schedule sends."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "2026-12-01T09:30:00Z",
        "region": local.REGION,
        "resources": [f"arn:aws:events:{local.REGION}:{ACCOUNT}:rule/warm-up"],
        "detail": {},
    }


def scheduled_by_scheduler():
    """What EventBridge Scheduler sends without an input of one's own: `detail` is a string."""
    return scheduled_by_rule() | {
        "source": "aws.scheduler",
        "resources": [f"arn:aws:scheduler:{local.REGION}:{ACCOUNT}:schedule/default/warm-up"],
        "detail": "{}",
    }


def mint(sandbox):
    """The tokens of the samples, from the sandbox at this base URL."""

    def token(name, **times):
        claims = {"iss": local.ISSUER, "aud": local.AUDIENCE, "jti": name, **times}
        request = urllib.request.Request(
            f"{sandbox}/issuer/mint",
            json.dumps({"alg": "RS256", "claims": claims}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["access_token"]

    return {
        "good": token("sample", iat=ISSUED_AT, exp=GOOD_UNTIL),
        "expired": token("sample-expired", iat=EXPIRED_AT - 3600, exp=EXPIRED_AT),
    }


def kept_tokens():
    """The tokens that the files in events/ have."""

    def token(name):
        event = json.loads((EVENTS / f"{name}.json").read_text())
        return event["headers"]["authorization"].removeprefix("Bearer ")

    return {"good": token("user-http-api"), "expired": token("user-http-api-expired-token")}


def refresh():
    """Moves the range of the samples ahead if it is about to pass; says whether it did."""
    event = json.loads((EVENTS / "check-availability-http-api.json").read_text())
    first_day = date.fromisoformat(event["queryStringParameters"]["start_time"][:10])
    if first_day >= date.today() + timedelta(days=DAYS_LEAST_AHEAD):
        return False
    write(kept_tokens())
    return True


def write(tokens):
    """Writes every file in events/."""
    ahead = date.today() + timedelta(days=DAYS_AHEAD)
    monday = ahead - timedelta(days=ahead.weekday())
    expected = {}
    for sample in samples(tokens, monday):
        write_json(f"{sample.name}.json", sample.event)
        expected[f"{sample.name}.json"] = sample.expected
    write_json("expected.json", expected)
    # Docker's name for the machine that it runs on.
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
        write(kept_tokens())
    elif arguments == ["--refresh"]:
        refresh()
    elif len(arguments) == 2 and arguments[0] == "--mint":
        write(mint(arguments[1].rstrip("/")))
    else:
        sys.exit("usage: make_events.py [--refresh | --mint SANDBOX_URL]")
