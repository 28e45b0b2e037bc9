"""Streams that FFmpeg opens, and files that are played at their own speed."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Final
from urllib.parse import urlsplit

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

from fer_batch.config import MAX_PIXELS
from fer_batch.errors import CameraUnreachableError, OptionHint, UnreadableMediaError
from fer_batch.filesystem.paths import PHOTO_SUFFIXES
from fer_batch.live.capture.base import Arrivals, Arrived, Connection, display_of, unreachable
from fer_batch.live.capture.host_proxy import OneHost
from fer_batch.live.options import CaptureOptions
from fer_batch.live.source_url import Address
from fer_batch.video.container import limit_pixels, open_input, refused_by_size
from fer_batch.video.probe import Probe
from fer_batch.video.source import oversized, refuse_oversized
from fer_batch.video.timestamps import DecodeTimes
from fer_batch.video.video_reader import VideoFile

_PROBE_OPTIONS: Final = {"probesize": "1000000", "analyzeduration": "2000000", "fpsprobesize": "2"}
"""Bytes, microseconds and frames by which FFmpeg finds out what a stream is: enough for a key frame of most cameras,
and no second of waiting to measure the rate. (Not "nobuffer": the key frame would be lost, and another waited for.)"""
_IN_PIECES: Final = ("http", "https")
"""What comes in pieces of several seconds, each at once."""
_REFUSED: Final = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_MOST_REFUSED: Final = 25
"""Packets that are too large, one after another: not one whose size is damaged."""
_MOST_DAMAGED: Final = 500
"""Packets that cannot be decoded, one after another, after which nothing good will come: 20 s at 25 a second."""


class NetworkStream(Connection):
    """A stream of any protocol that FFmpeg knows.

    Raises:
        CameraUnreachableError: when it cannot be opened or holds no picture.
    """

    def __init__(self, address: Address, reading: CaptureOptions, max_pixels: int = MAX_PIXELS) -> None:
        self._address, self._max_pixels = address, max_pixels
        self._began_s, self._patience_s = time.monotonic(), 0.9 * reading.connect_timeout_s
        scheme, host = urlsplit(address.secret).scheme.lower(), urlsplit(address.secret).hostname or ""
        self._pace = Pace() if scheme in _IN_PIECES else None
        self._refuse_unknown_host(host)
        self._proxy: OneHost | None = None
        options = dict(_PROBE_OPTIONS)
        if scheme in ("rtsp", "rtsps"):
            # What nobody wants is not asked for; servers that send sound and pictures in turn would make both wait.
            options |= {"rtsp_transport": reading.transport, "allowed_media_types": "video"}
        if scheme in _IN_PIECES and not reading.follow_redirects:
            # FFmpeg's own timeouts come first.
            self._proxy = OneHost(host, 2 * max(reading.connect_timeout_s, reading.read_timeout_s))
            options["http_proxy"] = self._proxy.url
        try:
            self._container = open_input(
                address.secret,
                max_pixels=max_pixels,
                options=options,
                timeout=(reading.connect_timeout_s, reading.read_timeout_s),
            )
        except (FFmpegError, OSError, ValueError) as error:
            self._close_proxy()
            raise self._unreachable(error, f"gave no answer in {reading.connect_timeout_s:g} s") from None
        self._silence = f"sent nothing for {reading.read_timeout_s:g} s"
        try:
            self._stream = self._pick()
        except BaseException:
            self.close()
            raise

    def _refuse_unknown_host(self, host: str) -> None:
        # FFmpeg says "input/output error" of a name that nobody knows.
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            raise CameraUnreachableError(
                self._address.shown, f"there is no host named {host}; check the address and the network"
            ) from None

    def _pick(self) -> VideoStream:
        streams = self._container.streams.video
        if not streams or streams[0].codec_context is None:
            what = "no video that can be decoded" if streams else "no video"
            raise CameraUnreachableError(self._address.shown, f"holds {what}; give a stream with a picture")
        stream = streams[0]
        self._refuse_oversized(stream.codec_context.width, stream.codec_context.height)
        # One more thread would hold back one more picture.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"flags": "low_delay"}
        limit_pixels(stream, self._max_pixels)
        return stream

    def _refuse_oversized(self, width: int, height: int) -> None:
        try:
            refuse_oversized(self._address.shown, width, height, self._max_pixels)
        except UnreadableMediaError as error:
            raise unreachable(error) from None

    @property
    def probe(self) -> Probe:
        """What the stream says of itself; its pictures may say more."""
        context, rate = self._stream.codec_context, self._stream.average_rate
        audio = self._container.streams.audio
        return Probe(
            "video",
            self._container.format.name,
            context.name,
            context.pix_fmt or "",
            context.width,
            context.height,
            0,
            float(rate) if rate else None,
            None,
            None,
            audio[0].codec_context.name if audio and audio[0].codec_context is not None else None,
            0,
        )

    def pictures(self) -> Iterator[Arrived]:
        """See :class:`Connection`."""
        arrivals, stream, times = Arrivals(), self._stream, DecodeTimes()
        base, damaged = stream.time_base or Fraction(1, 90_000), 0
        try:
            for packet in self._container.demux(stream):
                arrivals.note(packet.pts)
                if packet.pts is not None:
                    times.send(packet.pts)
                try:
                    pictures = packet.decode()
                except FFmpegError as error:
                    damaged += 1
                    self.damaged += 1
                    if damaged > _MOST_REFUSED and refused_by_size(stream, error, self._max_pixels):
                        raise unreachable(oversized(self._address.shown, self._max_pixels)) from None
                    if damaged > _MOST_DAMAGED:
                        raise CameraUnreachableError(self._address.shown, "sends nothing that can be decoded") from None
                    continue
                for picture in pictures:
                    assert isinstance(picture, av.VideoFrame)
                    damaged = 0
                    own_s = self._own_s(picture, times, base)
                    if self._pace is not None and own_s is not None:
                        self._pace.wait(own_s)
                        arrivals.note(picture.pts)
                    at, arrived_s = arrivals.of(picture.pts)
                    display = display_of(picture, stream.sample_aspect_ratio)
                    self._refuse_oversized(display.width, display.height)
                    yield Arrived(picture, display, own_s, at, arrived_s)
        except FFmpegError as error:
            raise self._unreachable(error, self._silence) from None
        raise self._led_on() or CameraUnreachableError(self._address.shown, "the source has ended the stream")

    def _own_s(self, picture: av.VideoFrame, times: DecodeTimes, base: Fraction) -> float | None:
        """A picture's own time: some servers send pictures that are shown later first, with the time of sending."""
        if picture.pts is None:
            return None
        in_order = bool(picture.key_frame) or not self._stream.codec_context.has_b_frames
        return float(times.take(picture.pts, nothing_before=in_order) * base)

    def _unreachable(self, error: Exception, silence: str) -> CameraUnreachableError:
        """In words for the user; the library's own hold the whole address."""
        if (led_on := self._led_on()) is not None:
            return led_on
        if self._proxy is not None and self._proxy.failure is not None:
            error = self._proxy.failure
        silent = f"{silence}; check that the source is on and sends"
        late = time.monotonic() - self._began_s > self._patience_s
        for kinds, sentence in (
            (_REFUSED, "refuses the user or password; check them in the address"),
            ((av.error.HTTPNotFoundError,), "the server has no such stream; check the path"),
            ((av.error.ExitError, TimeoutError), silent),
            ((EOFError,), "ended the connection at once; check the address, and the kind of stream before its ://"),
            ((ConnectionRefusedError,), "nothing answers there; check that the source is on, and the port"),
            # A server that answers nothing is told like one that answers nonsense.
            ((av.error.InvalidDataError,), silent if late else "sends no video that can be read"),
        ):
            if isinstance(error, kinds):
                return CameraUnreachableError(self._address.shown, sentence)
        number = getattr(error, "errno", None)
        is_errno = isinstance(number, int) and number in errno.errorcode
        reason = os.strerror(number) if is_errno and number is not None else type(error).__name__
        return CameraUnreachableError(
            self._address.shown, f"cannot be read ({reason}); check the address and the network"
        )

    def _led_on(self) -> CameraUnreachableError | None:
        if self._proxy is None or self._proxy.refused is None:
            return None
        return CameraUnreachableError(
            self._address.shown,
            f"leads on to another host, {self._proxy.refused}; give the address there",
            remedies=[OptionHint("follow_redirects", True, "let it choose with {} if you trust it")],
        )

    def _close_proxy(self) -> None:
        if self._proxy is not None:
            self._proxy.close()

    def close(self) -> None:
        """Ends the connection."""
        self._container.close()
        self._close_proxy()


class PlayedFile(Connection):
    """A file as if it were a camera: each picture comes when its time has come.

    Raises:
        CameraUnreachableError: when it cannot be read.
    """

    endless = False

    def __init__(self, address: Address, max_pixels: int = MAX_PIXELS) -> None:
        from pathlib import Path

        path = Path(address.secret)
        if path.suffix.lower() in PHOTO_SUFFIXES:
            raise CameraUnreachableError(address.shown, "is a photo; give it to fer-batch analyze")
        try:
            self._file = VideoFile(path, max_pixels=max_pixels)
        except UnreadableMediaError as error:
            raise unreachable(error) from None

    @property
    def probe(self) -> Probe:
        """The file's own."""
        return self._file.probe

    def pictures(self) -> Iterator[Arrived]:
        """See :class:`Connection`."""
        pace, arrivals = Pace(), Arrivals()
        for frame in self._file.frames():
            pace.wait(frame.time_s)
            arrivals.note(None)
            yield Arrived(frame.picture, frame.display, frame.time_s, *arrivals.of(None))
            self.damaged = self._file.counts.damaged_packets

    def close(self) -> None:
        """Releases the file."""
        self._file.close()


_BEHIND_S: Final = 0.5
"""From so far behind on, what is late is not hurried after: it would come all at once."""


class Pace:
    """Waits until it is time for a picture."""

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def wait(self, own_s: float) -> None:
        """Returns when the picture of this time is due, by the distances of the source's own clock."""
        now = time.monotonic()
        if self._offset_s is None or not -_BEHIND_S <= own_s + self._offset_s - now <= _LONGEST_S:
            self._offset_s = now - own_s
        time.sleep(max(0.0, own_s + self._offset_s - now))


_LONGEST_S: Final = 60.0
"""A longer wait than any segment of a playlist is a clock that jumped."""
