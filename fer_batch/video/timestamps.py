"""Presentation times, also where a container has none or its clock jumps back."""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush


class PresentationClock:
    """Seconds from the stream's start for one picture after another, always growing.

    Args:
        time_base: seconds that one tick lasts.
        origin: the stream's start in ticks; None for the first picture's time.
        step_s: how long a picture lasts where nothing else tells.
    """

    def __init__(self, time_base: Fraction, origin: int | None, step_s: float) -> None:
        self._base = time_base
        self._origin = origin
        self._step_s = step_s
        self._last: float | None = None
        self._last_container_s: float | None = None
        self.repaired = 0
        """Pictures whose time was missing or ran backwards."""

    def time_s(self, pts: int | None) -> float:
        """The next picture's time.

        A time that is not after the one before is replaced: a recorder that starts anew counts from zero again, and
        then the distance between its own times is right, else a picture's usual length is the best guess.
        """
        container_s = self._container_time(pts)
        last, before, self._last_container_s = self._last, self._last_container_s, container_s
        if container_s is not None and (last is None or container_s > last):
            self._last = container_s
            return container_s
        self.repaired += 1
        distance = container_s - before if container_s is not None and before is not None else 0.0
        self._last = 0.0 if last is None else last + (distance if distance > 0 else self._step_s)
        return self._last

    def get_state(self) -> tuple[int | None, float | None, float | None, int]:
        """What it remembers of the pictures so far: origin, the last time, the last one told, how many repaired."""
        return self._origin, self._last, self._last_container_s, self.repaired

    def set_state(self, state: tuple[int | None, float | None, float | None, int]) -> None:
        """Continues another clock of the same stream."""
        self._origin, self._last, self._last_container_s, self.repaired = state

    def _container_time(self, pts: int | None) -> float | None:
        if pts is None:
            return None
        if self._origin is None or (self._last is None and pts < self._origin):
            self._origin = pts
        return float((pts - self._origin) * self._base)


class DecodeTimes:
    """Times for pictures whose container or server knows only when each packet is decoded, as AVI.

    Pictures come out of a decoder in the order in which they are shown, so the next one gets the earliest time that is
    left.
    """

    def __init__(self) -> None:
        self._remaining: list[int] = []

    def send(self, dts: int) -> None:
        """A packet goes into the decoder."""
        heappush(self._remaining, dts)

    def take(self, own: int, *, nothing_before: bool) -> int:
        """The time of the picture that comes out.

        Args:
            own: when its packet was decoded.
            nothing_before: whether every picture decoded before it is shown before it; times still left from then
                belong to pictures that damage has lost.
        """
        while nothing_before and self._remaining and self._remaining[0] < own:
            heappop(self._remaining)
        return heappop(self._remaining) if self._remaining else own
