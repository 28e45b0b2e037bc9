"""The process that encodes pictures and sends them to a media server, for a process that analyses.

It is a process of its own because PyAV opens outputs with Python's lock held and without a time-out: a server that
takes the connection and says nothing would make all that is analysed stand still, for ever.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream

from fer_batch.workers.protocol import ignore_signals, received, reply_pipe, send

TIMEOUT_S: Final = 10.0
"""A server that does not take a picture for so long is given up."""
_CLOCK: Final = 90_000
"""Ticks a second, as MPEG-TS and RTP have it."""
_KEY_S: Final = 2
"""Seconds between key frames: so long whoever tunes in waits at most."""


@dataclass(frozen=True, slots=True)
class Target:
    """To the process, first of all: where pictures go. It may hold a password, and so goes through the pipe alone."""

    address: str = field(repr=False)
    format: str
    """FFmpeg's name of it."""
    rate: Fraction
    """Frames a second that are to be expected."""


@dataclass(frozen=True, slots=True)
class Shot:
    """To the process: a picture, all of one size."""

    planes: bytes = field(repr=False)
    """YUV 4:2:0, planes one after another."""
    width: int
    height: int
    time_s: float


@dataclass(frozen=True, slots=True)
class FrameAccepted:
    """From the process: the picture is on its way."""


@dataclass(frozen=True, slots=True)
class Refused:
    """From the process, last of all."""

    reason: str
    """In a few words, without the address."""


def main() -> None:
    """Sends until standard input ends or the server takes no more."""
    ignore_signals()
    replies = reply_pipe()
    messages = received(sys.stdin.buffer)
    sender: _Sender | None = None
    try:
        target = next(messages)
        for shot in messages:
            with _limited():
                sender = sender or _Sender(target, shot)
                sender.send(shot)
            send(replies, FrameAccepted())
    except (FFmpegError, OSError, ValueError) as error:
        # The library's own words hold the whole address.
        send(replies, Refused(getattr(error, "strerror", None) or type(error).__name__))
    finally:
        # A connection that is closed in good order would wait for the server once more.
        os._exit(0)


@contextmanager
def _limited() -> Iterator[None]:
    """Ends this process if the block takes too long, which needs no lock of Python's."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, no path
        faulthandler.dump_traceback_later(TIMEOUT_S, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


class _Sender:
    def __init__(self, target: Target, first: Shot) -> None:
        options = {"rtsp_transport": "tcp"} if target.format == "rtsp" else {}
        self._container = av.open(target.address, "w", format=target.format, options=options)
        stream: VideoStream = self._container.add_stream("libx264", rate=target.rate)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.gop_size = max(1, round(float(target.rate) * _KEY_S))
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
        stream.codec_context.thread_count = 1
        self._stream, self._zero_s, self._last = stream, first.time_s, -1

    def send(self, shot: Shot) -> None:
        planes = np.frombuffer(shot.planes, np.uint8).reshape(shot.height * 3 // 2, shot.width)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        self._last = max(self._last + 1, round((shot.time_s - self._zero_s) * _CLOCK))
        picture.pts, picture.time_base = self._last, Fraction(1, _CLOCK)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
