"""Frames of one connection to a live source, with times held to this machine's clock.

Latency is bounded by the queue of arrived frames: see :class:`fer_batch.utils.concurrency.LatestQueue`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread
from typing import Final

from fer_batch.config import MAX_PIXELS, Selection
from fer_batch.errors import CameraUnreachableError, FerBatchError, summarized
from fer_batch.live.capture.base import Arrived, Connection
from fer_batch.live.capture.ffmpeg import NetworkStream, PlayedFile
from fer_batch.live.events import Counts
from fer_batch.live.options import CaptureOptions, CaptureTarget
from fer_batch.live.source_url import Address
from fer_batch.pipeline.frame_selection import is_selected
from fer_batch.utils.concurrency import Closeable, LatestQueue
from fer_batch.video.frame import Frame
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts, SeekPoint

_MOST_WAITING: Final = 16
"""Decoded frames that may wait, which take 50 MB at 1080p: two thirds of a second at 25 a second."""
_LOOK_S: Final = 0.2
"""How often somebody who waits for a frame looks whether it is to stop."""


@dataclass(frozen=True, slots=True)
class FrameOrigin:
    """Where the numbers of a stretch begin."""

    zero_s: float
    """Time 0 of the recording on the monotonic clock."""
    frame: int


class ConnectionSource(Closeable):
    """What one connection gives, from its first frame to its loss.

    A thread of its own connects, reads and decodes, and leaves the newest frame. It may hang in a source that says
    nothing: then it is left to itself, and ends when the library's own time-out comes.

    Args:
        target: what to connect to, and how.
        clock: gives the times.
        origin: where numbers begin.
        counts: kept up to date.
        selection: which frames are analysed, to count those passed over.
        stop: once set, no further frame comes.
    """

    def __init__(
        self,
        target: CaptureTarget,
        clock: LiveClock,
        origin: FrameOrigin,
        counts: Counts,
        selection: Selection,
        stop: Event,
    ) -> None:
        self._address, self._reading, self._max_pixels = target
        self._clock, self._origin = clock, origin
        self._tally, self._selection, self._stop = counts, selection, stop
        self.counts = ReadCounts()
        self.lost: CameraUnreachableError | None = None
        """Why it has ended; None while it lasts, when it was stopped, and for a file that was played to its end."""
        self._newest: LatestQueue[tuple[Frame, float]] = LatestQueue(_MOST_WAITING)
        self._dropped = counts.dropped
        self._arrivals: deque[tuple[int, float]] = deque()
        self._connection: Connection | None = None
        self._failure: BaseException | None = None
        self._abandoned = Event()
        self._first: tuple[Frame, float] | None = None
        self._thread = Thread(target=self._run, name="fer-batch source", daemon=True)
        self._thread.start()

    def connect(self) -> bool:
        """Waits for the first frame; False when stopped before it came, or when a file has none.

        Raises:
            CameraUnreachableError: when the source cannot be reached or gives none in time.
        """
        timeout_s = self._reading.connect_timeout_s
        silent = CameraUnreachableError(
            self._address.shown, f"gave no picture in {timeout_s:g} s; check that the source is on and sends"
        )
        self._first = self._next(timeout_s, silent)
        if self.lost is not None:
            raise self.lost
        return self._first is not None

    @property
    def name(self) -> str:
        """The address without credentials."""
        return self._address.shown

    @property
    def probe(self) -> Probe:
        """What comes; known from :meth:`connect` on."""
        assert self._connection is not None
        return self._connection.probe

    @property
    def began(self) -> tuple[datetime, float]:
        """When the first frame came, UTC, and its time; known from :meth:`connect` on, until frames are drawn."""
        assert self._first is not None
        first = self._first[0]
        assert first.captured_at is not None
        return first.captured_at, first.time_s

    @property
    def frame(self) -> int:
        """Index of the frame after the last one that has come."""
        return self._origin.frame + self.counts.frames

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:  # noqa: ARG002 - nothing can be read twice
        """The newest frame, and the newest after that, until the connection is lost or all is stopped."""
        silence_s = self._reading.read_timeout_s
        silent = CameraUnreachableError(
            self._address.shown, f"sent nothing for {silence_s:g} s; check that the source is on and sends"
        )
        item, self._first = self._first, None
        previous: Frame | None = None
        while item is not None:
            frame, arrived_s = item
            self._arrivals.append((frame.index, arrived_s))
            self._tally.dropped = self._dropped + self._newest.dropped
            self._tally.passed_over += not is_selected(self._selection, frame, previous)
            previous = frame
            yield frame
            item = self._next(silence_s, silent)

    def latency_s(self, index: int) -> float:
        """Seconds since a frame has arrived; asked in the order of frames."""
        arrived_s = time.monotonic()
        while self._arrivals and self._arrivals[0][0] <= index:
            arrived_s = self._arrivals.popleft()[1]
        return time.monotonic() - arrived_s

    def places(self) -> Sequence[SeekPoint]:
        """None: what was shown is gone."""
        return ()

    def close(self) -> None:
        """Ends the connection, or leaves it to the thread that hangs in it."""
        self._abandoned.set()
        self._thread.join(_LOOK_S)

    def _next(self, silence_s: float, silent: CameraUnreachableError) -> tuple[Frame, float] | None:
        """The newest frame; None when there is no more, for the reason in :attr:`lost`."""
        until_s = time.monotonic() + silence_s
        while not self._stop.is_set():
            item = self._newest.take(_LOOK_S)
            if item is not None:
                return item
            if self._newest.ended:
                if isinstance(self._failure, CameraUnreachableError):
                    self.lost = self._failure
                elif isinstance(self._failure, Exception) and not isinstance(
                    self._failure, FerBatchError | MemoryError
                ):
                    # Whatever a library makes of what a source sends, the source is read again.
                    self.lost = CameraUnreachableError(self.name, f"cannot be read on ({summarized(self._failure)})")
                elif self._failure is not None:
                    raise self._failure
                return None
            if time.monotonic() > until_s:
                self.lost = silent
                return None
        return None

    def _run(self) -> None:
        try:
            self._connection = connection = open_connection(self._address, self._reading, self._max_pixels)
            rate = connection.probe.frame_rate
            self._clock.connect(1 / rate if rate else 0.0)
            with connection:
                pictures = connection.pictures()
                for arrived in pictures:
                    if self._abandoned.is_set():
                        return
                    self._newest.put((self._frame(arrived), arrived.arrived_s))
                    self._tally.arrived += 1
                    self._tally.damaged += connection.damaged - self.counts.damaged_packets
                    self.counts.damaged_packets = connection.damaged
        except BaseException as error:  # whatever it is, the one who reads gets it
            self._failure = error
        finally:
            self._newest.end()

    def _frame(self, arrived: Arrived) -> Frame:
        time_s = self._clock.time_s(arrived.own_s, arrived.arrived_s - self._origin.zero_s)
        index = self.frame
        self.counts.frames += 1
        return Frame(index, time_s, arrived.picture, arrived.display, arrived.at)


_SLEW: Final = 0.01
"""A frame cannot arrive before it was taken: if it seems to, those before it were late, as the first ones of a
connection are, which come all at once. Then times go slower by this share until that is made up for: distances stay
true to 1 %."""
_LATE_S: Final = 0.25
"""Seconds that frames may be late by jitter of the network."""
_LATE_FOR_S: Final = 20.0
"""Once no frame has been less late for so long, it is not the network but the camera's clock that goes slow."""
_RESET_S: Final = 10.0
"""A step of this size is a camera's clock that was set, or a server that has sent a lot in advance."""
_STEP_S: Final = 0.001
"""Between two frames whose own times run backwards."""


class LiveClock:
    """Seconds from the recording's start for one frame after another, always growing, across connections too.

    Within a connection, distances are those of the source's own times. These are laid on this machine's clock so that
    the frame that was on its way for the shortest time was taken when it arrived, as far as that is known by then; so
    times do not drift away from ``captured_at``, whatever the source's clock does in weeks.

    Args:
        begin_s: no time is before it.
    """

    def __init__(self, begin_s: float = 0.0) -> None:
        self._last_s = begin_s - _STEP_S
        self.repaired = 0
        """Frames whose own time was missing, ran backwards or jumped."""
        self.connect()

    def connect(self, step_s: float = 0.0) -> None:
        """What comes now has another clock, and such a time between two frames, as far as that is known."""
        self._step_s = max(step_s, _STEP_S)
        self._offset_s: float | None = None
        self._fresh = True
        self._own_s = -math.inf
        self._least_late_s = math.inf
        self._since_s = 0.0

    def time_s(self, own_s: float | None, arrived_s: float) -> float:
        """The next frame's time.

        Args:
            own_s: the frame's own time in seconds on the source's clock; None where it has none.
            arrived_s: seconds from the recording's start at which it arrived.
        """
        if own_s is None:
            self.repaired += 1
            self._fresh = False
            return self._growing(arrived_s)
        if self._offset_s is None:
            # The first frame of a stream may have no time of its own, and come together with the next one.
            self._lay(own_s, arrived_s if self._fresh else max(arrived_s, self._last_s + self._step_s))
        elif own_s <= self._own_s or abs(self._late_s(own_s, arrived_s)) > _RESET_S:
            self.repaired += 1
            self._lay(own_s, arrived_s)
        assert self._offset_s is not None
        passed_s, self._own_s = max(0.0, own_s - self._own_s), own_s
        late_s = self._late_s(own_s, arrived_s)
        if late_s < 0 and math.isfinite(passed_s):
            self._offset_s -= min(-late_s, _SLEW * passed_s)
        self._least_late_s = min(self._least_late_s, late_s)
        if arrived_s - self._since_s > _LATE_FOR_S:
            if self._least_late_s > _LATE_S:
                self._offset_s += self._least_late_s
            self._least_late_s, self._since_s = math.inf, arrived_s
        return self._growing(own_s + self._offset_s)

    @property
    def last_s(self) -> float:
        """The last frame's time."""
        return self._last_s

    def _late_s(self, own_s: float, arrived_s: float) -> float:
        assert self._offset_s is not None
        return arrived_s - (own_s + self._offset_s)

    def _lay(self, own_s: float, arrived_s: float) -> None:
        self._offset_s = arrived_s - own_s
        self._least_late_s, self._since_s = math.inf, arrived_s

    def _growing(self, time_s: float) -> float:
        self._last_s = max(time_s, self._last_s + _STEP_S)
        return self._last_s


def open_connection(address: Address, reading: CaptureOptions, max_pixels: int = MAX_PIXELS) -> Connection:
    """Opens a source that gives pictures of at most this size.

    Raises:
        CameraUnreachableError: when that fails.
    """
    if address.kind == "camera":
        from fer_batch.live.capture.webcam import Webcam

        return Webcam(address, max_pixels)

    if address.kind == "file":
        return PlayedFile(address, max_pixels)
    return NetworkStream(address, reading, max_pixels)
