"""A loopback proxy that adds the token of a user: the conformance tests send none."""

import http.client
import sys
import threading
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from lambda_emulator import Handler, Server  # noqa: E402

# The server writes these itself.
REPLACED = ("content-length", "date", "server")


class Proxy:
    """Forwards requests to a URL, with an Authorization header; `url` is where it listens."""

    def __init__(self, target, token, port):
        self._server = Server(("127.0.0.1", port), Connection)
        self._server.target, self._server.token = urllib.parse.urlsplit(target), token
        self.url = f"http://127.0.0.1:{port}{self._server.target.path}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Connection(Handler):
    def forward(self):
        headers = dict(self.headers.items()) | {"Authorization": f"Bearer {self.server.token}"}
        connection = http.client.HTTPConnection(self.server.target.netloc, timeout=40)
        try:
            connection.request(self.command, self.path, self.body(), headers)
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in REPLACED]
            self.send(answer.status, headers, answer.read())
        finally:
            connection.close()

    do_GET = do_POST = do_DELETE = forward
