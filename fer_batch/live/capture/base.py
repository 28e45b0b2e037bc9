"""One connection to a live source: its decoded pictures as they arrive."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import av

from fer_batch.errors import CameraUnreachableError, UnreadableMediaError
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Display
from fer_batch.video.probe import Probe


@dataclass(frozen=True, slots=True)
class Arrived:
    """A picture that has come."""

    picture: av.VideoFrame
    display: Display
    own_s: float | None
    """Its time on the source's clock."""
    at: datetime
    """UTC, when it came."""
    arrived_s: float
    """The same on the monotonic clock."""


def unreachable(error: UnreadableMediaError) -> CameraUnreachableError:
    """Return what an unreadable file or picture means for the source that it comes from."""
    return CameraUnreachableError(error.path, error.reason, remedies=error.remedies)


class Connection(Closeable):
    """An open source; used by one thread, which may hang in it as long as the source says nothing."""

    damaged = 0
    """Packets that could not be decoded, skipped."""
    endless = True
    """Whether its end is a loss; a file just ends."""

    @property
    @abstractmethod
    def probe(self) -> Probe:
        """What it sends."""

    @abstractmethod
    def pictures(self) -> Iterator[Arrived]:
        """Everything that comes, in presentation order, until it ends.

        Raises:
            CameraUnreachableError: when it is lost.
        """


class Arrivals:
    """When pictures came, by the presentation times of their packets: a decoder gives them out later.

    A picture has come when it could be shown, with all those before it: many encoders send one ahead of others that are
    shown earlier and need it.
    """

    def __init__(self) -> None:
        # H.264 holds back 16 pictures at most.
        self._received: deque[tuple[int | None, datetime, float]] = deque(maxlen=64)
        self._last: tuple[datetime, float] | None = None

    def note(self, pts: int | None) -> None:
        """A packet comes now."""
        self._received.append((pts, datetime.now(UTC), time.monotonic()))

    def of(self, pts: int | None) -> tuple[datetime, float]:
        """When the picture of this time came; asked in the order in which they are shown."""
        came = next((entry[1:] for entry in reversed(self._received) if entry[0] == pts), self._received[-1][1:])
        if self._last is None or came[1] > self._last[1]:
            self._last = came
        return self._last


def display_of(picture: av.VideoFrame, aspect: Fraction | None) -> Display:
    """How a picture is shown whose pixels have this aspect."""
    return Display.of(picture.width, picture.height, aspect, round(picture.rotation / 90) % 4)
