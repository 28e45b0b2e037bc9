"""A browser's pictures handed to the process that watches, which takes them for any other stream."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from fractions import Fraction
from threading import Thread

import av
import psutil

from fer_batch.live.source_url import Address
from fer_batch.utils.concurrency import Closeable, LatestQueue

_WIDTH = 640
"""Pixels of the pictures handed on, whatever the browser's connection makes of them meanwhile: as webcams send."""
_MILLISECOND = Fraction(1, 1000)
_PATIENCE_S = 30.0
"""How long the process that watches may take to load its models and connect."""


class CameraFeed(Closeable):
    """Listens on this machine alone, for one connection, and sends the newest picture whenever there is room.

    Pictures are not compressed, so that nothing of them is lost on the way.
    """

    def __init__(self) -> None:
        self._reader: Callable[[], int | None] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.5)
        port = self._listener.getsockname()[1]
        self.address = Address("stream", f"tcp://127.0.0.1:{port}", "this browser's camera", "browser-camera")
        self._pictures: LatestQueue[av.VideoFrame] = LatestQueue(1)
        self._thread = Thread(target=self._run, name="fer-batch feed", daemon=True)

    def open(self, reader: Callable[[], int | None]) -> None:
        """Waits for the connection from now on.

        Args:
            reader: tells the process that may connect, None while there is none; all others here are refused.
        """
        self._reader = reader
        self._thread.start()

    def put(self, picture: av.VideoFrame) -> None:
        """Takes a picture; it returns at once, and only the latest counts."""
        self._pictures.put(picture)

    def close(self) -> None:
        """Ends the stream."""
        self._pictures.end(discard=True)
        self._listener.close()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._listener:
            connection = self._accepted()
        if connection is not None:
            connection.settimeout(_PATIENCE_S)
            try:
                with connection, connection.makefile("wb") as file:
                    self._send(file)
            except OSError:
                # Whoever watched has ended.
                pass

    def _accepted(self) -> socket.socket | None:
        until_s = time.monotonic() + _PATIENCE_S
        while not self._pictures.ended and time.monotonic() < until_s:
            try:
                connection, (_, port) = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return None
            if self._is_reader(port):
                return connection
            connection.close()
        return None

    def _is_reader(self, port: int) -> bool:
        process = self._reader()
        try:
            opened = [] if process is None else psutil.Process(process).net_connections("tcp4")
        except psutil.Error:
            return False
        return any(one.laddr and one.laddr.port == port for one in opened)

    def _send(self, file: io.BufferedIOBase) -> None:
        began_s, last_ms, stream = 0.0, -1, None
        with av.open(file, "w", format="nut", options={"flush_packets": "1"}) as container:
            while (picture := self._pictures.take()) is not None:
                # A connection's own clock, which no delay on the way disturbs.
                at_s = time.monotonic() if picture.time is None else picture.time
                if stream is None:
                    began_s = at_s
                    stream = container.add_stream("rawvideo", rate=30)
                    stream.width, stream.height = _WIDTH, 2 * round(_WIDTH * picture.height / picture.width / 2)
                    stream.pix_fmt, stream.time_base = "yuv420p", _MILLISECOND
                    stream.codec_context.time_base = _MILLISECOND
                even = picture.reformat(stream.width, stream.height, "yuv420p")
                # Always growing, as the container wants it.
                last_ms = max(last_ms + 1, round((at_s - began_s) * 1000))
                even.pts, even.time_base = last_ms, _MILLISECOND
                container.mux(stream.encode(even))
                file.flush()
