"""API Gateway's part in a local run: `python gateway.py LISTEN_ADDRESS PORT FUNCTIONS_PORT ORIGIN...`

It stands in front of the functions as the HTTP API does: it passes on the routes and nothing else,
answers browsers of the origins given as the template does for those of CorsAllowOrigins, and writes the
template's access log to standard output. Beside that it passes on `cargo lambda invoke`.
"""

import http.client
import json
import sys
import time
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

import local

ANSWER_SECONDS = 60
API = "local"
CONTEXT = "$context."
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "date", "server"}
INVOKE = "/2015-03-31/functions/"
ROUTES = {local.route(function) for function in local.FUNCTIONS}


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags (!Ref, !If, …) as what they stand before."""


_Template.add_multi_constructor(
    "!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node)
)


def http_api(template):
    """The properties of the template's HTTP API."""
    return next(
        resource["Properties"]
        for resource in yaml.load(template, _Template)["Resources"].values()
        if resource["Type"] == "AWS::Serverless::HttpApi"
    )


def cors(template):
    """The template's x-amazon-apigateway-cors when CorsAllowOrigins is given."""
    _, with_origins, _ = http_api(template)["DefinitionBody"]["x-amazon-apigateway-cors"]
    return with_origins


def access_log(template):
    """{member: variable} of a line of the template's access log; a variable is one of AWS's $context."""
    line = json.loads(http_api(template)["AccessLogSettings"]["Format"])
    return {member: variable.removeprefix(CONTEXT) for member, variable in line.items()}


class Gateway(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address, functions_port, origins, template):
        super().__init__(address, Handler)
        self.functions_port = functions_port
        self.origins = origins
        self.rules = cors(template)
        self.access_log = access_log(template)


class Handler(BaseHTTPRequestHandler):
    """One connection; a request of any method comes to `answer`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        started = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path.startswith(INVOKE):
            return self.send(*self.passed_on(body, {}))
        context = {
            "requestTime": datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "apiId": API,
            "requestId": uuid.uuid4().hex,
            "identity.sourceIp": self.client_address[0],
        }
        if self.command == "OPTIONS" and self.headers.get("Access-Control-Request-Method"):
            status, headers, body = 204, self.preflight_headers(), b""
        elif self.command == "GET" and path in ROUTES:
            context["routeKey"] = f"GET {path}"
            status, headers, body = self.passed_on(body, context)
        else:
            status, headers, body = self.refused(404, "Not Found", context)
        self.send(status, headers, body)
        context |= {
            "status": status,
            "responseLength": len(body),
            "responseLatency": milliseconds_since(started),
        }
        self.log(context)

    def passed_on(self, body, context):
        """(status, headers, body) of the function's answer, which is noted in the context."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.functions_port, timeout=ANSWER_SECONDS)
        started = time.monotonic()
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if self.is_kept(name)]
            body = answer.read()
            context |= {
                "integration.status": answer.status,
                "integration.requestId": answer.getheader("X-Request-Id", "-"),
            }
            return answer.status, headers, body
        except (OSError, http.client.HTTPException, ValueError) as error:
            context["integration.error"] = str(error)
            return self.refused(503, "Service Unavailable", context)
        finally:
            context["integration.latency"] = milliseconds_since(started)
            connection.close()

    @staticmethod
    def refused(status, message, context):
        """(status, headers, body) of an error of the gateway's own."""
        context["error.message"] = message
        return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()

    def log(self, context):
        """Writes the line of the access log: all in quotes, and a hyphen for what a request does not have."""
        line = {member: str(context.get(variable, "-")) for member, variable in self.server.access_log.items()}
        print(json.dumps(line, separators=(",", ":")), flush=True)

    @staticmethod
    def is_kept(name):
        # As the HTTP API, which answers browsers by itself where it has rules for them.
        name = name.lower()
        return name not in HOP_BY_HOP | {"content-length"} and not name.startswith("access-control-")

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

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if origin := self.allowed_origin():
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Expose-Headers", ",".join(self.server.rules["exposeHeaders"]))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """Not in the words of the server's: see `log`."""


def milliseconds_since(started):
    return round((time.monotonic() - started) * 1000)


def main(address, port, functions_port, *origins):
    template = (local.ROOT / "template.yaml").read_text()
    Gateway((address, int(port)), int(functions_port), origins, template).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
