"""A loopback proxy that adds the token of a user: the conformance tests send none."""

import http.client
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Ignores clients that close their connections."""


class Proxy:
    """Passes requests on to a URL, with an Authorization header; `url` is where it listens."""

    def __init__(self, target, token, port):
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.target, self._server.token = urllib.parse.urlsplit(target), token
        self.url = f"http://127.0.0.1:{port}{self._server.target.path}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items()) | {"Authorization": f"Bearer {self.server.token}"}
        connection = http.client.HTTPConnection(self.server.target.netloc, timeout=40)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = pass_on

    def log_message(self, *_):
        pass
