"""The encoder: ffmpeg as a child process, its clock, and the command that starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final

import ffmpeg
import imageio_ffmpeg

from fer_batch.video.frame import Frame

PIPE_OFFSET_S: Final = 10
"""Added to all times in the pipe and taken off again by the encoder: NUT holds no time below zero, where the priming of
audio encoders lies."""

_USUAL_LOOKAHEAD: Final = 10
"""Frames, of x264's preset "veryfast"."""

_LOOKAHEAD_PIXELS: Final = 45_000_000
"""Of all frames that are looked ahead at."""

_TICKS: Final = 90_000
"""Ticks a second where the source's own are unfit for MP4."""


@dataclass(slots=True)
class Timing:
    """Turns seconds into the pipe's ticks."""

    ticks: int
    """A second."""
    start_s: float
    last: int
    """Ticks that the last frame is shown."""
    rate: Fraction
    """Frames a second, about: x264 derives the H.264 level from it, nothing else."""
    previous: int | None = None
    """Ticks of the frame before."""

    @classmethod
    def of(cls, frame: Frame, start_s: float, frame_rate: Fraction | None) -> Timing:
        """With the ticks of the source's own clock where it has a fit one, so that times stay exact."""
        base = frame.picture.time_base
        ticks = _TICKS
        if base is not None and 1 <= base.denominator <= 240_000:
            # MP4 players and muxers expect a fine clock: a multiple keeps every time exact.
            ticks = base.denominator * -(-10_000 // base.denominator)
        own = frame.picture.duration * base if base is not None and frame.picture.duration else None
        shown = 1 / frame_rate if frame_rate else own or Fraction(1, 25)
        rate = min(Fraction(1000), max(Fraction(1), 1 / shown)).limit_denominator(1001)
        return cls(ticks, start_s, max(1, round(shown * ticks)), rate)

    def pts(self, time_s: float, lead_s: float) -> int:
        """Ticks from the result's zero; never the same twice, so that no frame is lost."""
        pts = round((time_s - self.start_s + lead_s) * self.ticks)
        if self.previous is not None:
            pts = max(pts, self.previous + 1)
        self.previous = pts
        return pts


@dataclass(frozen=True, slots=True)
class Colours:
    """What the source says about the meaning of its YUV values: handed on, since the values are."""

    matrix: int
    primaries: int
    transfer: int
    bt709: bool
    """Whether what is drawn is turned into YUV by BT.709 instead of BT.601."""

    @classmethod
    def of(cls, frame: Frame) -> Colours:
        """Those of a frame."""
        picture = frame.picture
        unknown, rgb, ycgco = 2, 0, 8
        high = max(frame.width, frame.height) >= 1280
        matrix = int(picture.colorspace)
        if matrix in (rgb, ycgco) or not picture.format.name.startswith(("yuv", "nv", "p0")):
            # Turned into YUV by swscale, whose default is BT.601.
            matrix = 6
        bt709 = matrix in (1, 9, 10) or (matrix == unknown and high)
        return cls(matrix, int(picture.color_primaries), int(picture.color_trc), bt709)

    def filter(self) -> str:
        """An ffmpeg filter that labels the pictures and leaves them as they are."""
        return f"setparams=range=tv:colorspace={self.matrix}:color_primaries={self.primaries}:color_trc={self.transfer}"


def encoder_command(path: Path, timing: Timing, colours: Colours, settings: dict[str, Any]) -> list[str]:
    """The command line of an encoder that reads NUT from its standard input.

    Args:
        path: the MP4 to write.
        timing: the clock.
        colours: what the pictures' values mean.
        settings: further options of x264.
    """
    options: dict[str, Any] = {
        "map": "0",
        "c:v": "libx264",
        **settings,
        "vf": colours.filter(),
        "pix_fmt": "yuv420p",
        "fps_mode": "passthrough",
        "enc_time_base:v": f"1:{timing.ticks}",
        "video_track_timescale": timing.ticks,
        # The last frame's duration; the others end where the next begins.
        "bsf:v": f"setts=pts=PTS:dts=DTS:duration={timing.last}",
        "movflags": "+faststart",
        "format": "mp4",
    }
    return nut_command(path, options, itsoffset=-PIPE_OFFSET_S)


def bounds_of_memory(pixels: int, threads: int | None) -> dict[str, Any]:
    """Options of x264 by which large pictures take less memory; none for pictures up to some 4 megapixels.

    x264 keeps frames to look ahead (10 in the preset "veryfast") and for each thread: at 4K some 40 MB each. With these
    options 4K takes 850 MB instead of 1,150, at the same size of the file within 2 %.
    """
    ahead = _LOOKAHEAD_PIXELS // pixels
    if ahead >= _USUAL_LOOKAHEAD:
        return {}
    return {"rc-lookahead": max(1, ahead), "x264-params": "sync-lookahead=0", "threads": min(2, threads or 2)}


def nut_command(path: Path, options: dict[str, Any], **reading: Any) -> list[str]:
    """The command line of an encoder that reads a NUT stream from its standard input, and keeps all times."""
    # All that the header does not say about the streams is known here, so nothing is read ahead to find it out.
    child = ffmpeg.input("pipe:0", format="nut", probesize=32, analyzeduration=0, **reading)
    child = child.output(f"file:{path.absolute()}", **options)
    child = child.global_args("-hide_banner", "-nostdin", "-loglevel", "error", "-copyts").overwrite_output()
    command: list[str] = child.compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
    return command


def encoder_version() -> str:
    """Which ffmpeg encodes, by the name of its file and its size."""
    path = Path(imageio_ffmpeg.get_ffmpeg_exe())
    return f"{path.name} {path.stat().st_size}"


NO_SPACE: Final = "no space left on the disk"
_PLAIN_WORDS: Final = {
    "No space left on device": NO_SPACE,
    "Disk quota exceeded": NO_SPACE,
    "Could not write header": "its properties do not fit into an MP4",
    "Terminating thread": "the encoder gave up",
}
"""What users are shown in place of ffmpeg's words."""
_PREFIX: Final = re.compile(r"^(\[[^\]]*\] )+")
"""The part of ffmpeg that a message comes from, with its address in memory."""


class Encoder:
    """ffmpeg as a child process that nothing but its standard input steers."""

    _STDERR_BYTES = 4000
    """Bytes of its messages that are kept, the last ones."""

    def __init__(self, command: list[str]) -> None:
        # Only the end of its input ends it, and the parent decides when: the terminal's Ctrl-C must not reach it, nor
        # the SIGTERM that systemd and Slurm send to every process of a job.
        own_group: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        with _signals_blocked():
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **own_group
            )
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self.stdin: IO[bytes] = self._process.stdin
        self.pid = self._process.pid
        self._messages = b""
        self._listener = Thread(target=self._listen, args=(self._process.stderr,), name="ffmpeg-messages", daemon=True)
        self._listener.start()

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit status."""
        status = self._process.wait(timeout_s)
        self._listener.join(timeout_s)
        return status

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self.wait()

    def reason(self) -> str:
        """Why it failed: its own last message, or the signal that ended it."""
        try:
            status = self.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            return "the encoder stopped taking pictures"
        text = self._messages.decode(errors="replace")
        for words, plain in _PLAIN_WORDS.items():
            if words in text:
                return plain
        if status < 0:
            return f"the encoder was ended by signal {-status}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # The first is the cause, those after it what came of it.
        return _PREFIX.sub("", lines[0]) if lines else f"the encoder ended with status {status}"

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while message := os.read(stream.fileno(), 4096):
                self._messages = (self._messages + message)[-self._STDERR_BYTES :]


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """A process started inside the block never gets SIGINT, SIGTERM or SIGHUP; handlers it may install do not run."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
