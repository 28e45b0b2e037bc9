"""A real RTSP server of clips, in a process of its own that can be killed and started again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

_SERVER = Path(sys.executable).parent / "rtsp-server"


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class RtspServer:
    """Serves every clip of a folder; a client gets a clip from its start at its own speed, and then the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, name: str, credentials: str = "") -> str:
        """The address of a clip."""
        return f"rtsp://{credentials}127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Starts it and waits until it listens."""
        control = free_port()
        self._process = subprocess.Popen(
            [_SERVER, "-d", self._folder, "-H", "127.0.0.1", "-p", str(self.port), "-cp", str(control)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the RTSP server does not start")

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
