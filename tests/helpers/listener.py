"""A listener on this machine that a name or a page may try to reach."""

from __future__ import annotations

import socket
from threading import Thread
from types import TracebackType


class Listener:
    """Notes who connects, and answers nothing."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        """The beginning of what each connection sent."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._run)

    @property
    def host(self) -> str:
        """Its address as it stands in a URL."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"the end")
        self._thread.join()
        self._socket.close()
        if kind is None:
            assert self.heard == [b"the end"]

    def _run(self) -> None:
        while b"the end" not in self.heard:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                try:
                    self.heard.append(connection.recv(200))
                except OSError:
                    self.heard.append(b"")
