"""How a live recording is doing at this moment: rates, latency, faces in view; in constant memory for weeks."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import FerBatchError
from fer_batch.live.events import Connected, Counts, Ended, FrameAnalyzed, Interrupted, LiveMessage, Written
from fer_batch.types import Observation
from fer_batch.video.probe import Probe

RATES_S = 5.0
"""Seconds that rates are taken over: shorter ones jump about, longer ones hide that a camera stutters."""
LATENCY_S = 10.0
"""Seconds that latencies are taken over."""
HISTORY_S = 30
"""Seconds of a face that are remembered, a cell for each."""
LINGER_S = 3.0
"""Seconds that a face stays in view after it was last seen: looking down for a moment moves no line."""

_SAMPLES = 20
"""Counts that a rate's window remembers."""
_MOST_LATENCIES = 1200
"""Enough for 120 frames a second; of more, the latest."""
_MOST_FACES = 200
"""Remembered at a time; of more, those seen last."""

State = Literal["connecting", "live", "lost", "over"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Frames a second."""

    arrived: float = 0.0
    analysed: float = 0.0
    dropped: float = 0.0


class SlidingRates:
    """Rates over the last seconds, from counts that only grow.

    Args:
        window_s: how many seconds; all times are monotonic and given.
    """

    def __init__(self, window_s: float = RATES_S) -> None:
        self._window_s, self._every_s = window_s, window_s / _SAMPLES
        self._samples: deque[tuple[float, Counts]] = deque(maxlen=_SAMPLES + 1)

    def at(self, now_s: float, counts: Counts) -> Rates:
        """The rates now, since the latest time of being asked that is a window ago; else since the first."""
        if not self._samples or now_s - self._samples[-1][0] >= self._every_s:
            self._samples.append((now_s, replace(counts)))
        while len(self._samples) > 1 and now_s - self._samples[1][0] >= self._window_s:
            self._samples.popleft()
        then_s, then = self._samples[0]
        if now_s <= then_s:
            return Rates()
        elapsed_s = now_s - then_s
        return Rates(
            (counts.arrived - then.arrived) / elapsed_s,
            (counts.analysed - then.analysed) / elapsed_s,
            (counts.dropped - then.dropped) / elapsed_s,
        )


class Latencies:
    """Quantiles of the latencies of the last seconds."""

    def __init__(self, window_s: float = LATENCY_S) -> None:
        self._window_s = window_s
        self._latest: deque[tuple[float, float]] = deque(maxlen=_MOST_LATENCIES)

    def add(self, now_s: float, latency_s: float) -> None:
        """Notes one."""
        self._latest.append((now_s, latency_s))

    def quantiles(self, now_s: float) -> tuple[float, float] | None:
        """Median and 95th percentile in seconds, each a latency that there was (nearest rank); None without any."""
        while self._latest and now_s - self._latest[0][0] > self._window_s:
            self._latest.popleft()
        if not self._latest:
            return None
        ordered = sorted(latency for _, latency in self._latest)
        return ordered[math.ceil(0.5 * len(ordered)) - 1], ordered[math.ceil(0.95 * len(ordered)) - 1]


@dataclass(slots=True)
class FaceInView:
    """A face that was seen within the last seconds."""

    track: int
    probabilities: list[float]
    """Seven, in the order of ``EMOTIONS``."""
    seen_s: float
    """Monotonic time at which it was last seen."""
    _seconds: deque[tuple[int, list[float]]] = field(default_factory=lambda: deque(maxlen=HISTORY_S + 1))
    """Sums of probabilities by whole second, in which there are any."""

    def see(self, now_s: float, probabilities: list[float]) -> None:
        """Notes what it showed."""
        self.seen_s, self.probabilities = now_s, probabilities
        second = math.floor(now_s)
        if self._seconds and self._seconds[-1][0] == second:
            sums = self._seconds[-1][1]
            for i, probability in enumerate(probabilities):
                sums[i] += probability
        else:
            self._seconds.append((second, list(probabilities)))

    def strip(self, now_s: float, cells: int = HISTORY_S) -> list[int | None]:
        """The leading emotion of each of the last seconds, the current one last; None for one in which it was away."""
        leading = {second: sums.index(max(sums)) for second, sums in self._seconds}
        second = math.floor(now_s)
        if now_s - self.seen_s < 1 and self._seconds:
            # A second that has just begun shows what the last one showed until a frame comes.
            leading.setdefault(second, leading[self._seconds[-1][0]])
        return [leading.get(second - back) for back in range(cells - 1, -1, -1)]


class LiveStatistics:
    """One recording, kept up to date by being told what happens; times are monotonic seconds.

    Args:
        now_s: when it began.
        rates_s: seconds that rates are taken over.
    """

    def __init__(self, now_s: float, rates_s: float = RATES_S) -> None:
        self.state: State = "connecting"
        self.since_s = now_s
        """When the state began."""
        self.probe: Probe | None = None
        self.error: FerBatchError | None = None
        """Why the connection is lost, or all is over; None when that was wanted."""
        self.retry_s: float | None = None
        """When the next attempt is made."""
        self.written: Written | None = None
        self.next_part_s: float | None = None
        self.faces_now = 0
        """In the latest analysed frame."""
        self._rates = SlidingRates(rates_s)
        self._latencies = Latencies()
        self._faces: dict[int, FaceInView] = {}

    def tell(self, message: LiveMessage, now_s: float) -> None:
        """Takes note of what happens."""
        match message:
            case FrameAnalyzed():
                if message.observation is not None:
                    self._latencies.add(now_s, message.latency_s)
                    self._see(message.observation, now_s)
            case Connected():
                self.probe, self.error, self.retry_s = message.probe, None, None
                self._turn("live", now_s)
            case Interrupted():
                self.error, self.faces_now = message.error, 0
                self.retry_s = None if message.retry_in_s is None else now_s + message.retry_in_s
                self._turn("over" if message.retry_in_s is None else "lost", now_s)
            case Ended():
                self.error, self.retry_s, self.faces_now = message.error, None, 0
                self._turn("over", now_s)
            case Written():
                self.written = message
                self.next_part_s = None if message.next_in_s is None else now_s + message.next_in_s

    def rates(self, now_s: float, counts: Counts) -> Rates:
        """Over the last seconds; see :meth:`SlidingRates.at`."""
        return self._rates.at(now_s, counts)

    def latency(self, now_s: float) -> tuple[float, float] | None:
        """Median and 95th percentile of the last ten seconds; None without a frame."""
        return self._latencies.quantiles(now_s)

    def faces(self, now_s: float) -> list[FaceInView]:
        """Those in view, ordered by track."""
        return sorted(
            (face for face in self._faces.values() if now_s - face.seen_s <= LINGER_S), key=lambda face: face.track
        )

    def _turn(self, state: State, now_s: float) -> None:
        if state != self.state:
            self.state, self.since_s = state, now_s

    def _see(self, observation: Observation, now_s: float) -> None:
        self.faces_now = len(observation)
        if observation.probabilities.shape != (len(observation), len(EMOTIONS)):
            return
        tracks = observation.detected.tracks.tolist()
        for track, probabilities in zip(tracks, observation.probabilities.tolist(), strict=True):
            # The one seen last stands last.
            face = self._faces.pop(track, None) or FaceInView(track, probabilities, now_s)
            face.see(now_s, probabilities)
            self._faces[track] = face
        while self._faces:
            oldest = next(iter(self._faces.values()))
            if len(self._faces) <= _MOST_FACES and now_s - oldest.seen_s <= HISTORY_S:
                return
            del self._faces[oldest.track]
