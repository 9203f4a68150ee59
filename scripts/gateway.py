"""API Gateway's part in a local run: `python gateway.py LISTEN_ADDRESS PORT FUNCTIONS_PORT ORIGIN...`

It stands in front of the functions as the HTTP API does: it passes on the routes and nothing else, and
answers browsers of the origins given as the template does for those of CorsAllowOrigins. Beside that it
passes on `cargo lambda invoke`.
"""

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

import local

ANSWER_SECONDS = 60
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "date", "server"}
INVOKE = "/2015-03-31/functions/"
ROUTES = {local.route(function) for function in local.FUNCTIONS}


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags (!Ref, !If, …) as what they stand before."""


_Template.add_multi_constructor(
    "!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node)
)


def cors(template):
    """The template's x-amazon-apigateway-cors when CorsAllowOrigins is given."""
    api = next(
        resource["Properties"]["DefinitionBody"]
        for resource in yaml.load(template, _Template)["Resources"].values()
        if resource["Type"] == "AWS::Serverless::HttpApi"
    )
    _, with_origins, _ = api["x-amazon-apigateway-cors"]
    return with_origins


class Gateway(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address, functions_port, origins, rules):
        super().__init__(address, Handler)
        self.functions_port = functions_port
        self.origins = origins
        self.rules = rules


class Handler(BaseHTTPRequestHandler):
    """One connection; a request of any method comes to `answer`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if self.command == "OPTIONS" and self.headers.get("Access-Control-Request-Method"):
            self.send(204, self.preflight_headers(), b"")
        elif (self.command == "GET" and path in ROUTES) or path.startswith(INVOKE):
            self.send(*self.passed_on(body))
        else:
            self.send(404, *problem("Not Found"))

    def passed_on(self, body):
        """(status, headers, body) of the function's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.functions_port, timeout=ANSWER_SECONDS)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if self.is_kept(name)]
            return answer.status, headers, answer.read()
        except (OSError, http.client.HTTPException, ValueError):
            return 503, *problem("Service Unavailable")
        finally:
            connection.close()

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
        """The functions log each request themselves."""


def problem(message):
    """(headers, body) of an error of the gateway's own."""
    return [("Content-Type", "application/json")], json.dumps({"message": message}).encode()


def main(address, port, functions_port, *origins):
    rules = cors((local.ROOT / "template.yaml").read_text())
    Gateway((address, int(port)), int(functions_port), origins, rules).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
