"""Emulates API Gateway and Lambda for `make run`: `python gateway.py LISTEN_ADDRESS PORT FUNCTIONS_LOG ORIGIN...`

Serves local.ROUTES like the template's HTTP API: converts requests to events of payload 2.0, allows CORS for the given
origins, and writes the template's access log to standard output. Also serves Lambda's Invoke API,
`POST /2015-03-31/functions/NAME/invocations`.
"""

import base64
import json
import sys
import time
import urllib.parse
import uuid
from datetime import datetime, timezone

import yaml

import local
from lambda_emulator import FUNCTION_ERROR, REQUEST_ID, Function, Handler, Server, invoke

INVOKE = "/2015-03-31/functions/"
API = "local"
TEXT = ("text/", "application/json")
CONTEXT = "$context."


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags (!Ref, !If, …) as plain values."""


_Template.add_multi_constructor("!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node))


def http_api(template):
    """The properties of the template's HTTP API."""
    return next(
        resource["Properties"]
        for resource in yaml.load(template, _Template)["Resources"].values()
        if resource["Type"] == "AWS::Serverless::HttpApi"
    )


def cors(template):
    """The template's x-amazon-apigateway-cors when CorsAllowOrigins is given and McpServer is ENABLED."""
    _, with_origins, _ = http_api(template)["DefinitionBody"]["x-amazon-apigateway-cors"]
    of_mcp = {name: value[1] for name, value in with_origins.items() if isinstance(value, list) and value[0] == "HasMcpServer"}
    return with_origins | of_mcp


def access_log(template):
    """{member: variable} of a line of the template's access log; a variable is one of AWS's $context."""
    line = json.loads(http_api(template)["AccessLogSettings"]["Format"])
    return {member: variable.removeprefix(CONTEXT) for member, variable in line.items()}


class Gateway(Server):
    def __init__(self, address, functions, origins, template):
        super().__init__(address, Connection)
        self.functions = functions
        self.origins = origins
        self.rules = cors(template)
        self.access_log = access_log(template)


class Connection(Handler):
    """A client's connection; `answer` takes requests of any method."""

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        started = time.monotonic()
        body = self.body()
        path = self.path.partition("?")[0]
        if path.startswith(INVOKE):
            function = self.server.functions.get(path.removeprefix(INVOKE).partition("/")[0])
            return self.send(*(invoke(function, body) if function else (404, [], b"{}")))
        context = {
            "requestTime": datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "apiId": API,
            "requestId": uuid.uuid4().hex,
            "identity.sourceIp": self.client_address[0],
        }
        route_keys = [key for key in (f"{self.command} {path}", f"ANY {path}") if key in local.ROUTES]
        if self.command == "OPTIONS" and self.headers.get("Access-Control-Request-Method"):
            status, headers, body = 204, self.preflight_headers(), b""
        elif route_keys:
            context["routeKey"] = route_keys[0]
            status, headers, body = self.integrate(body, context)
        else:
            status, headers, body = self.refused(404, "Not Found", context)
        context |= {
            "status": status,
            "responseLength": len(body),
            "responseLatency": milliseconds_since(started),
        }
        # Logged before sending, which fails if the client has disconnected.
        self.log(context)
        self.send(status, headers + self.cors_headers(), body)

    def integrate(self, body, context):
        """(status, headers, body) of the function's answer to a request. Records it in the context."""
        started = time.monotonic()
        try:
            function = self.server.functions[local.ROUTES[context["routeKey"]]]
            status, headers, body = invoke(function, json.dumps(self.event(body, context)).encode())
            headers = dict(headers)
            context["integration.requestId"] = headers[REQUEST_ID]
            if status != 200:
                context["integration.error"] = f"Lambda answers {status}"
                return self.refused(503, "Service Unavailable", context)
            if FUNCTION_ERROR in headers:
                raise ValueError(body.decode(errors="replace"))
            status, headers, body = response(json.loads(body))
            context["integration.status"] = status
            # The HTTP API adds CORS headers itself.
            return status, [pair for pair in headers if not is_replaced(pair[0])], body
        except ValueError as error:
            context["integration.error"] = str(error)
            return self.refused(500, "Internal Server Error", context)
        finally:
            context["integration.latency"] = milliseconds_since(started)

    def event(self, body, context):
        """The event of a request, payload 2.0. Like API Gateway, leaves empty members out.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
        """
        path, _, query = self.path.partition("?")
        headers = group((name.lower(), value) for name, value in self.headers.items())
        cookies = headers.pop("cookie", [])
        is_text = headers.get("content-type", TEXT)[0].startswith(TEXT)
        domain = self.headers.get("Host", "")
        members = {
            "version": "2.0",
            "routeKey": context["routeKey"],
            "rawPath": path,
            "rawQueryString": query,
            "cookies": [cookie for line in cookies for cookie in line.split("; ")],
            "headers": joined(headers),
            "queryStringParameters": joined(group(urllib.parse.parse_qsl(query, keep_blank_values=True))),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": API,
                "domainName": domain,
                "domainPrefix": domain.partition(".")[0],
                "http": {
                    "method": self.command,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": context["identity.sourceIp"],
                    "userAgent": self.headers.get("User-Agent", ""),
                },
                "requestId": context["requestId"],
                "routeKey": context["routeKey"],
                "stage": "$default",
                "time": context["requestTime"],
                "timeEpoch": round(time.time() * 1000),
            },
            "body": body.decode(errors="replace") if is_text else base64.b64encode(body).decode(),
            "isBase64Encoded": bool(body) and not is_text,
        }
        optional = ("cookies", "queryStringParameters", "body")
        return {name: value for name, value in members.items() if value or name not in optional}

    @staticmethod
    def refused(status, message, context):
        """(status, headers, body) of an error from the gateway itself."""
        context["error.message"] = message
        return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()

    def log(self, context):
        """Writes a line of the access log: all values are strings, and a hyphen stands for a missing one."""
        line = {member: str(context.get(variable, "-")) for member, variable in self.server.access_log.items()}
        # A single write, so that lines of concurrent threads do not interleave.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def allowed_origin(self):
        origin = self.headers.get("Origin")
        return origin if origin in self.server.origins else None

    def preflight_headers(self):
        rules, origin = self.server.rules, self.allowed_origin()
        if origin is None:
            return []
        return [
            ("Access-Control-Allow-Methods", ",".join(rules["allowMethods"])),
            ("Access-Control-Allow-Headers", ",".join(rules["allowHeaders"])),
            ("Access-Control-Max-Age", str(rules["maxAge"])),
        ]

    def cors_headers(self):
        origin = self.allowed_origin()
        if origin is None:
            return []
        exposed = ",".join(self.server.rules["exposeHeaders"])
        return [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", exposed)]


def group(pairs):
    """{name: values} of pairs."""
    grouped = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def joined(grouped):
    """{name: values, separated by commas}."""
    return {name: ",".join(values) for name, values in grouped.items()}


def response(answer):
    """(status, headers, body) of a function's answer. Raises `ValueError` if it is not one of payload 2.0."""
    try:
        headers = [(name, str(value)) for name, value in answer.get("headers", {}).items()]
        headers += [("Set-Cookie", cookie) for cookie in answer.get("cookies", [])]
        body = answer.get("body") or ""
        body = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return int(answer["statusCode"]), headers, body
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an answer of payload 2.0: {error!r}") from error


def is_replaced(name):
    """Whether the gateway sends this header itself, and so drops the function's."""
    return name.lower() == "content-length" or name.lower().startswith("access-control-")


def milliseconds_since(started):
    return round((time.monotonic() - started) * 1000)


def main(address, port, log, *origins):
    template = (local.ROOT / "template.yaml").read_text()
    with open(log, "wb") as file:
        functions = {name: Function(name, file) for name in {*local.ROUTES.values()}}
        Gateway((address, int(port)), functions, origins, template).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
