"""Which frames of a recording are analysed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from fer_batch.errors import InputError

if TYPE_CHECKING:
    from fer_batch.video.frame import Frame

_ROUNDING_S = 0.001
"""How coarse a container's times may be."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Frames by number and by time.

    Raises:
        InputError: for values that choose nothing or make no sense.
    """

    every: int = 1
    """Every n-th decoded frame, starting with frame 0."""
    fps: float | None = None
    """At most this many frames a second: the first frame, inside the range, of each interval of 1/fps seconds since the
    stream's start."""
    start_s: float = 0.0
    """Seconds from the stream's start, inclusive."""
    end_s: float | None = None
    """Exclusive; None for the recording's end."""

    def __post_init__(self) -> None:
        for option, value in (("every", self.every), ("fps", self.fps), ("start", self.start_s), ("end", self.end_s)):
            needed = option in {"every", "start"}
            if not isinstance(value, Real) and (needed or value is not None):
                raise InputError(f"--{option} {value!r}: give a number.")
        if self.every < 1 or self.every % 1:
            raise InputError(f"--every {self.every}: give a whole number from 1.")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"--fps {self.fps}: give a number above 0.")
        if self.fps is not None and self.every != 1:
            raise InputError("--every and --fps exclude each other; give one of them.")
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise InputError(f"--start {self.start_s}: give seconds from 0.")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise InputError(f"--end {self.end_s}: must lie after --start {self.start_s}.")

    def interval(self, frame: Frame) -> int:
        """The number of the 1/fps interval that a frame lies in.

        Containers that count in milliseconds round a frame's time down by up to one, which must not move a frame from
        the start of its interval into the one before.
        """
        return math.floor((frame.time_s + _ROUNDING_S) * (self.fps or 0.0))

    def takes(self, frame: Frame, previous: Frame | None) -> bool:
        """Whether the frame is analysed.

        Args:
            frame: a frame inside the range.
            previous: the decoded frame before it, None at the recording's start.
        """
        if self.fps is not None:
            first = previous is None or previous.time_s < self.start_s
            return first or previous is None or self.interval(frame) != self.interval(previous)
        return frame.index % self.every == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
