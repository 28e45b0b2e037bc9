"""Annotated video to a media server, encoded and sent by this process, so that no command line shows the address."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from threading import Condition, Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from fer_batch.closing import Closing
from fer_batch.errors import InputError
from fer_batch.live.address import parse_address
from fer_batch.live.drawing import Drawing
from fer_batch.live.happenings import Seen

_FORMATS: Final = {
    "rtsp": "rtsp",
    "rtmp": "flv",
    "rtmps": "flv",
    "srt": "mpegts",
    "udp": "mpegts",
    "tcp": "mpegts",
}
_LONGEST_SIDE: Final = 1920
_CLOCK: Final = 90_000
"""Ticks a second, as MPEG-TS and RTP have it."""
_KEY_S: Final = 2
"""Seconds between key frames: so long whoever tunes in waits at most."""
_TIMEOUT_S: Final = 10.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0


def refuse_unknown(address: str) -> None:
    """Refuses what is no address of a media server.

    Raises:
        InputError: when it is not.
    """
    if urlsplit(address).scheme.lower() not in _FORMATS:
        raise InputError(f"--publish: give an address that begins with {', '.join(f'{one}://' for one in _FORMATS)}.")
    parse_address(address)


class Publisher(Closing):
    """Sends the newest frame, and the newest after that, from a thread of its own, and connects again for ever.

    Args:
        address: of the server, rtsp, rtmp, srt, udp or tcp.
        rate: frames a second that are to be expected.

    Raises:
        InputError: when it is no such address.
    """

    def __init__(self, address: str, rate: float | None) -> None:
        refuse_unknown(address)
        self.shown = parse_address(address).shown
        self._address, self._format = address, _FORMATS[urlsplit(address).scheme.lower()]
        self._rate = Fraction(rate).limit_denominator(1001) if rate else Fraction(25)
        self._changed = Condition()
        self._newest: Seen | None = None
        self._over = Event()
        self._notices: list[str] = []
        self._thread = Thread(target=self._run, name="fer-batch publish", daemon=True)
        self._thread.start()

    def take(self, seen: Seen) -> None:
        """Takes a frame with its picture."""
        if seen.frame is not None:
            with self._changed:
                self._newest = seen
                self._changed.notify()

    def notices(self) -> list[str]:
        """Sentences about what went wrong and is right again, since the last call."""
        with self._changed:
            notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Sends no more; a server that does not answer is not waited for."""
        with self._changed:
            self._over.set()
            self._changed.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        wait_s, lost = _FIRST_WAIT_S, False
        while not self._over.is_set():
            try:
                for _ in self._send():
                    if lost:
                        self._notice(f"{self.shown}: takes the video again.")
                    lost, wait_s = False, _FIRST_WAIT_S
            except (FFmpegError, OSError, ValueError) as error:
                if not lost:
                    # The library's own words hold the whole address.
                    reason = getattr(error, "strerror", None) or type(error).__name__
                    self._notice(f"{self.shown}: does not take the video ({reason}); tried again until it does.")
                lost = True
                self._over.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _notice(self, sentence: str) -> None:
        with self._changed:
            self._notices.append(sentence)

    def _send(self) -> Any:
        """Sends until that fails or all is over; yields once it has begun."""
        drawing = Drawing(_LONGEST_SIDE)
        seen = self._next()
        if seen is None:
            return
        assert seen.frame is not None
        canvas = drawing.draw(seen.frame, seen.observation)
        size = canvas.width, canvas.height
        options = {"rtsp_transport": "tcp"} if self._format == "rtsp" else {}
        container = av.open(self._address, "w", format=self._format, options=options, timeout=(_TIMEOUT_S, _TIMEOUT_S))
        try:
            stream = self._stream(container, size)
            zero_s, last = seen.frame.time_s, -1
            while seen is not None and seen.frame is not None:
                canvas = drawing.draw(seen.frame, seen.observation)
                if (canvas.width, canvas.height) != size:
                    break
                planes = canvas.buffer.reshape(canvas.height * 3 // 2, canvas.width)
                picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                last = max(last + 1, round((seen.frame.time_s - zero_s) * _CLOCK))
                picture.pts, picture.time_base = last, Fraction(1, _CLOCK)
                for packet in stream.encode(picture):
                    container.mux(packet)
                    yield
                seen = self._next()
        finally:
            with suppress(FFmpegError, OSError):
                container.close()

    def _stream(self, container: OutputContainer, size: tuple[int, int]) -> VideoStream:
        stream: VideoStream = container.add_stream("libx264", rate=self._rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.gop_size = max(1, round(float(self._rate) * _KEY_S))
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
        stream.codec_context.thread_count = 1
        return stream

    def _next(self) -> Seen | None:
        """The newest frame, waited for; None when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._over.is_set())
            seen, self._newest = self._newest, None
            return None if self._over.is_set() else seen
