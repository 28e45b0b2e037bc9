"""The encoder, a child process, and the stream of raw pictures into it."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from fer_batch.annotation.canvas import Yuv420Canvas
from fer_batch.annotation.encoder import PIPE_OFFSET_S, Colours, Encoder, Timing, bounds_of_memory, encoder_command
from fer_batch.video.frame import Frame


@dataclass(slots=True)
class EncodePlan:
    """What all parts of one annotated video have in common, and how far it is."""

    timing: Timing
    colours: Colours
    size: tuple[int, int]
    """Width and height of the first frame."""
    lead_s: float
    """By how much the sound starts before the picture."""
    picture_start_s: float
    """Where the video stream starts on the recording's own clock."""
    firsts: list[int] = field(default_factory=list)
    """Ticks of each part's first frame, from the result's zero."""
    end_s: float = 0.0
    """Until when the last frame is shown, from the range's start."""

    def get_state(self) -> dict[str, Any]:
        """All of it as plain values."""
        state = asdict(self)
        state["timing"]["rate"] = str(self.timing.rate)
        return state

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """The reverse of :meth:`state`."""
        timing = Timing(**{**state["timing"], "rate": Fraction(state["timing"]["rate"])})
        values = {"timing": timing, "colours": Colours(**state["colours"]), "size": tuple(state["size"])}
        return cls(**{**state, **values})


class EncoderStream:
    """The encoder, a child process, and the stream of raw pictures into it.

    The stream is NUT, which, unlike bare raw video, carries a time for every frame.
    """

    def __init__(self, path: Path, course: EncodePlan, canvas: Yuv420Canvas, settings: dict[str, Any]) -> None:
        """Starts the encoder.

        Args:
            path: the MP4 to write.
            course: what all parts of the result have in common; the first frame of a part other than the first one is
                its zero.
            canvas: what :meth:`send` sends.
            settings: further options of x264.
        """
        self._course, self._canvas = course, canvas
        self._zero: int | None = None
        timing = course.timing
        bounds = bounds_of_memory(canvas.width * canvas.height, settings.get("threads"))
        self._child = Encoder(encoder_command(path, timing, course.colours, {**settings, **bounds}))
        self._nut = nut_into(self._child)
        self._video: VideoStream = self._nut.add_stream("rawvideo", rate=timing.rate)
        self._video.width, self._video.height, self._video.pix_fmt = canvas.width, canvas.height, "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = Fraction(1, timing.ticks)

    @property
    def pid(self) -> int:
        """The encoder's process id."""
        return self._child.pid

    def send(self, frame: Frame) -> None:
        """Sends the canvas as the frame's picture."""
        course, timing = self._course, self._course.timing
        pts = timing.pts(frame.time_s, course.lead_s)
        time_s = pts / timing.ticks - course.lead_s
        if self._zero is None:
            self._zero = pts if course.firsts else 0
            course.firsts.append(pts)
        # A copy: the muxer may hold the packet back.
        packet = av.Packet(self._canvas.buffer.tobytes())
        packet.pts = packet.dts = pts - self._zero + PIPE_OFFSET_S * timing.ticks
        packet.duration = timing.last
        packet.time_base = Fraction(1, timing.ticks)
        packet.stream = self._video
        packet.is_keyframe = True
        self._nut.mux(packet)
        course.end_s = time_s + timing.last / timing.ticks

    def finish(self) -> None:
        """Waits for the encoder to complete the file.

        Raises:
            OSError: when it did not.
        """
        self._nut.close()
        self._child.stdin.close()
        if self._child.wait() != 0:
            raise OSError(self.reason())

    def kill(self) -> None:
        """Ends the encoder at once."""
        self._child.kill()
        # Both still try to write; the other end is gone.
        with suppress(OSError, av.error.FFmpegError):
            self._nut.close()
        with suppress(OSError):
            self._child.stdin.close()

    def reason(self) -> str:
        """Why the encoder failed, in a few words."""
        return self._child.reason()


def nut_into(child: Encoder) -> OutputContainer:
    """A NUT stream into an encoder's standard input."""
    # libav writes to the pipe itself: were Ctrl-C to arrive while it calls back into Python, PyAV would swallow the
    # KeyboardInterrupt and leave half a packet behind. On Windows descriptors may not be shared with libraries.
    pipe = child.stdin if sys.platform == "win32" else f"pipe:{child.stdin.fileno()}"
    # Without a limit the muxer holds raw pictures back for ten seconds when no sound comes.
    return av.open(
        pipe,
        "w",
        format="nut",
        buffer_size=1 << 20,
        container_options={"write_index": "0", "max_interleave_delta": "1"},
    )
