"""Annotated video to a media server, by a process of its own whose command line does not show the address."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from threading import Condition, Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

from fer_batch.errors import InvalidOptionError
from fer_batch.live.events import FrameAnalyzed
from fer_batch.live.preview.encoder import LiveOverlay
from fer_batch.live.publishing.worker import TIMEOUT_S, FrameAccepted, Refused, Shot, Target
from fer_batch.live.source_url import parse_address, server_of
from fer_batch.utils.concurrency import Closeable, LatestQueue
from fer_batch.workers.process import WorkerProcess

_FORMATS: Final = {
    "rtsp": "rtsp",
    "rtmp": "flv",
    "rtmps": "flv",
    "srt": "mpegts",
    "udp": "mpegts",
    "tcp": "mpegts",
}
_LONGEST_SIDE: Final = 1920
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_STEADY_S: Final = 2.0
"""A server that took pictures for so long takes them: less may just lie in buffers on the way."""


def refuse_unknown(address: str) -> None:
    """Refuses what is no address of a media server.

    Raises:
        InputError: when it is not.
    """
    if urlsplit(address).scheme.lower() not in _FORMATS:
        schemes = ", ".join(f"{one}://" for one in _FORMATS)
        raise InvalidOptionError("publish", None, f"give an address that begins with {schemes}")
    parse_address(address)


class Publisher(Closeable):
    """Sends the newest frame, and the newest after that, from a thread of its own, and connects again for ever.

    Args:
        address: of the server, rtsp, rtmp, srt, udp or tcp.
        rate: frames a second that are to be expected.

    Raises:
        InputError: when it is no such address.
    """

    def __init__(self, address: str, rate: float | None) -> None:
        refuse_unknown(address)
        self.shown = server_of(parse_address(address))
        expected = Fraction(rate).limit_denominator(1001) if rate else Fraction(25)
        self._target = Target(address, _FORMATS[urlsplit(address).scheme.lower()], expected)
        self._changed = Condition()
        self._frames: LatestQueue[FrameAnalyzed] = LatestQueue(1)
        self._over = Event()
        self._replies: deque[Any] = deque()
        self._notices: list[str] = []
        self._thread = Thread(target=self._run, name="fer-batch publish", daemon=True)
        self._thread.start()

    def take(self, frame: FrameAnalyzed) -> None:
        """Takes a frame with its picture."""
        if frame.frame is not None:
            self._frames.put(frame)

    def notices(self) -> list[str]:
        """Sentences about what went wrong and is right again, since the last call."""
        with self._changed:
            notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Sends no more; the server is not waited for."""
        with self._changed:
            self._over.set()
            self._changed.notify_all()
        self._frames.end(discard=True)
        self._thread.join()

    def _run(self) -> None:
        wait_s, lost = _FIRST_WAIT_S, False
        while not self._over.is_set():
            began_s, problem = time.monotonic(), None
            for problem in self._send():
                if problem is None and time.monotonic() - began_s >= _STEADY_S:
                    if lost:
                        self._notice(f"{self.shown}: takes the video again.")
                    lost, wait_s = False, _FIRST_WAIT_S
            if problem is not None and not self._over.is_set():
                if not lost:
                    self._notice(f"{self.shown}: does not take the video ({problem}); tried again until it does.")
                lost = True
                self._over.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _notice(self, sentence: str) -> None:
        with self._changed:
            self._notices.append(sentence)

    def _send(self) -> Iterator[str | None]:
        """Sends until that fails, pictures have another size or all is over; gives None for each that was taken, and
        at last, if it failed, why.
        """
        drawing, newest = LiveOverlay(_LONGEST_SIDE), self._frames.take()
        if newest is None:
            return
        try:
            process = WorkerProcess(0, self._target, self._hear, None, "fer_batch.live.publishing.worker")
        except OSError as error:
            yield error.strerror or type(error).__name__
            return
        try:
            size: tuple[int, int] | None = None
            while newest is not None and newest.frame is not None:
                canvas = drawing.draw(newest.frame, newest.observation)
                size = size or (canvas.width, canvas.height)
                if size != (canvas.width, canvas.height):
                    return
                process.send(Shot(canvas.buffer.tobytes(), *size, newest.frame.time_s))
                del newest
                problem = self._answer()
                yield problem
                if problem is not None:
                    return
                newest = self._frames.take()
        finally:
            process.close()
            self._replies.clear()

    def _hear(self, process: WorkerProcess, message: Any) -> None:
        del process
        with self._changed:
            self._replies.append(message)
            self._changed.notify_all()

    def _answer(self) -> str | None:
        """What became of a picture: None if it was taken, else the reason."""
        with self._changed:
            self._changed.wait_for(lambda: self._replies or self._over.is_set())
            reply = self._replies.popleft() if self._replies else FrameAccepted()
        if isinstance(reply, FrameAccepted):
            return None
        return reply.reason if isinstance(reply, Refused) else f"it takes nothing for {TIMEOUT_S:g} s"
