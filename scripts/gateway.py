"""Emulates API Gateway and Lambda for `make run`: `python gateway.py LISTEN_ADDRESS PORT FUNCTIONS_LOG ORIGIN...`

Serves local.ROUTES like the template's HTTP API: converts requests to events of payload 2.0, allows CORS for the given
origins, and writes the template's access log to standard output. Also serves Lambda's Invoke API,
`POST /2015-03-31/functions/NAME/invocations`.
"""

import json
import sys
import time
import uuid
from datetime import datetime, timezone

import yaml

import local
import payload
from lambda_emulator import FUNCTION_ERROR, REQUEST_ID, Function, Handler, Server, invoke

INVOKE = "/2015-03-31/functions/"
API = "local"
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
        event = payload.event(
            self.command,
            self.path,
            self.headers.items(),
            body,
            route_key=context["routeKey"],
            api=API,
            domain=self.headers.get("Host", ""),
            caller=context["identity.sourceIp"],
            request_id=context["requestId"],
            time=context["requestTime"],
            epoch_ms=round(time.time() * 1000),
        )
        started = time.monotonic()
        try:
            function = self.server.functions[local.ROUTES[context["routeKey"]]]
            status, headers, body = invoke(function, json.dumps(event).encode())
            headers = dict(headers)
            context["integration.requestId"] = headers[REQUEST_ID]
            if status != 200:
                context["integration.error"] = f"Lambda answers {status}"
                return self.refused(503, "Service Unavailable", context)
            if FUNCTION_ERROR in headers:
                raise ValueError(body.decode(errors="replace"))
            status, headers, body = payload.response(json.loads(body))
            context["integration.status"] = status
            # The HTTP API adds CORS headers itself.
            return status, [pair for pair in headers if not is_replaced(pair[0])], body
        except ValueError as error:
            context["integration.error"] = str(error)
            return self.refused(500, "Internal Server Error", context)
        finally:
            context["integration.latency"] = milliseconds_since(started)

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
