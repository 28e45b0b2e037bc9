"""A proxy on this machine through which FFmpeg reaches one host and no other, whatever that host redirects to."""

from __future__ import annotations

import selectors
import socket
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from fer_batch.utils.concurrency import Closeable

_LONGEST_LINE: Final = 65_536
_PIECE: Final = 65_536
_OWN_HEADERS: Final = (b"connection:", b"proxy-")


class OneHost(Closeable):
    """An HTTP proxy for the addresses of one host, on any port.

    FFmpeg follows redirects of HTTP by itself, and the pieces of an HLS playlist may lie on any host; its own bound on
    redirects does not reach these pieces. All of them go through a proxy that it is given. (Hosts in the environment's
    variable ``no_proxy`` do not, which is why processes of ``fer-batch live`` drop it.)

    Args:
        host: its name or address, as it stands in the source.
        timeout_s: for how long it may be silent.
    """

    def __init__(self, host: str, timeout_s: float) -> None:
        self.host, self.timeout_s = host.lower(), timeout_s
        self.refused: str | None = None
        """Another host, which was asked for last."""
        self.failure: OSError | None = None
        """Why the host was not reached the last time."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gate = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        """For FFmpeg's option ``http_proxy``."""
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="fer-batch proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Accept no more connections; open ones end with FFmpeg's."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads, block_on_close = True, False
    gate: OneHost

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are FFmpeg's to report."""


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one request; FFmpeg makes a new connection for the next."""
        gate = self.server.gate
        self.connection.settimeout(gate.timeout_s)
        method, target, version = self.rfile.readline(_LONGEST_LINE).split()
        headers = []
        while (line := self.rfile.readline(_LONGEST_LINE)).strip():
            if not line.lower().startswith(_OWN_HEADERS):
                headers.append(line)
        tunnel = method == b"CONNECT"
        parts = urlsplit(f"//{target.decode()}" if tunnel else target.decode())
        if (parts.hostname or "") != gate.host:
            gate.refused = parts.hostname
            self._answer(HTTPStatus.FORBIDDEN)
            return
        try:
            far = socket.create_connection((gate.host, parts.port or 80), gate.timeout_s)
        except OSError as error:
            gate.failure = error
            self._answer(HTTPStatus.BAD_GATEWAY)
            return
        gate.failure = None
        with far:
            if tunnel:
                self._answer(HTTPStatus.OK)
            else:
                place = parts._replace(scheme="", netloc="").geturl() or "/"
                first = b" ".join((method, place.encode(), version)) + b"\r\n"
                far.sendall(first + b"".join(headers) + b"Connection: close\r\n\r\n")
            self._relay(far)

    def _answer(self, status: HTTPStatus) -> None:
        self.wfile.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n\r\n".encode())

    def _relay(self, far: socket.socket) -> None:
        """Pass on what comes from either side until one of them ends or both are silent."""
        other = {self.connection: far, far: self.connection}
        with selectors.DefaultSelector() as waiting:
            for one in other:
                waiting.register(one, selectors.EVENT_READ)
            while ready := waiting.select(self.server.gate.timeout_s):
                for key, _ in ready:
                    one = key.fileobj
                    assert isinstance(one, socket.socket)
                    if not (piece := one.recv(_PIECE)):
                        return
                    other[one].sendall(piece)
