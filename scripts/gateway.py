"""Emulates API Gateway and Lambda for `make run`: `python gateway.py LISTEN_ADDRESS PORT FUNCTIONS_LOG ORIGIN...`

Serves local.ROUTES like the template's HTTP API: converts requests to events of payload 2.0, and allows CORS for the
given origins. Also serves Lambda's Invoke API, `POST /2015-03-31/functions/NAME/invocations`.
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
from lambda_emulator import FUNCTION_ERROR, Function, Handler, Server, invoke

INVOKE = "/2015-03-31/functions/"
API = "local"
TEXT = ("text/", "application/json")


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags (!Ref, !If, …) as plain values."""


_Template.add_multi_constructor("!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node))


def cors(template):
    """The template's x-amazon-apigateway-cors when CorsAllowOrigins is given and McpServer is ENABLED."""
    api = yaml.load(template, _Template)["Resources"]["Api"]["Properties"]
    _, with_origins, _ = api["DefinitionBody"]["x-amazon-apigateway-cors"]
    of_mcp = {name: value[1] for name, value in with_origins.items() if isinstance(value, list) and value[0] == "HasMcpServer"}
    return with_origins | of_mcp


class Gateway(Server):
    def __init__(self, address, functions, origins, template):
        super().__init__(address, Connection)
        self.functions = functions
        self.origins = origins
        self.rules = cors(template)


class Connection(Handler):
    """A client's connection; `answer` takes requests of any method."""

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = self.body()
        path = self.path.partition("?")[0]
        if path.startswith(INVOKE):
            function = self.server.functions.get(path.removeprefix(INVOKE).partition("/")[0])
            return self.send(*(invoke(function, body) if function else (404, [], b"{}")))
        route_keys = [key for key in (f"{self.command} {path}", f"ANY {path}") if key in local.ROUTES]
        if self.command == "OPTIONS" and self.headers.get("Access-Control-Request-Method"):
            status, headers, body = 204, self.preflight_headers(), b""
        elif route_keys:
            status, headers, body = self.integrate(route_keys[0], body)
        else:
            status, headers, body = refused(404, "Not Found")
        self.send(status, headers + self.cors_headers(), body)

    def integrate(self, route_key, body):
        """(status, headers, body) of the function's answer to a request."""
        function = self.server.functions[local.ROUTES[route_key]]
        status, headers, body = invoke(function, json.dumps(self.event(route_key, body)).encode())
        if status != 200:
            return refused(503, "Service Unavailable")
        try:
            if FUNCTION_ERROR in dict(headers):
                raise ValueError(body.decode(errors="replace"))
            status, headers, body = response(json.loads(body))
            # The HTTP API adds CORS headers itself.
            return status, [pair for pair in headers if not is_replaced(pair[0])], body
        except ValueError as error:
            print(f"{route_key}: {error}", flush=True)
            return refused(500, "Internal Server Error")

    def event(self, route_key, body):
        """The event of a request, payload 2.0. Like API Gateway, leaves empty members out.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
        """
        path, _, query = self.path.partition("?")
        headers = group((name.lower(), value) for name, value in self.headers.items())
        is_text = headers.get("content-type", TEXT)[0].startswith(TEXT)
        domain = self.headers.get("Host", "")
        members = {
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query,
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
                    "sourceIp": self.client_address[0],
                    "userAgent": self.headers.get("User-Agent", ""),
                },
                "requestId": uuid.uuid4().hex,
                "routeKey": route_key,
                "stage": "$default",
                "time": datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": round(time.time() * 1000),
            },
            "body": body.decode(errors="replace") if is_text else base64.b64encode(body).decode(),
            "isBase64Encoded": bool(body) and not is_text,
        }
        optional = ("queryStringParameters", "body")
        return {name: value for name, value in members.items() if value or name not in optional}

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


def refused(status, message):
    """(status, headers, body) of an error from the gateway itself."""
    return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()


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
        body = answer.get("body") or ""
        body = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return int(answer["statusCode"]), headers, body
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an answer of payload 2.0: {error!r}") from error


def is_replaced(name):
    """Whether the gateway sends this header itself, and so drops the function's."""
    return name.lower() == "content-length" or name.lower().startswith("access-control-")


def main(address, port, log, *origins):
    template = (local.ROOT / "template.yaml").read_text()
    with open(log, "wb") as file:
        functions = {name: Function(name, file) for name in {*local.ROUTES.values()}}
        Gateway((address, int(port)), functions, origins, template).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
