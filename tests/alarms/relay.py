"""A TCP relay that can be closed while it is in use."""

import contextlib
import socket
import threading


class Relay:
    """Forwards connections to a local port, until it is closed."""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Refuses new connections, and closes those that are open."""
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                # Wakes the thread that is blocked on the socket.
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(self._target)
                self._open |= {client, upstream}
                for ends in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self._copy, args=ends, daemon=True).start()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
