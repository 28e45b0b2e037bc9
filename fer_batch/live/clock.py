"""Times of a live source: its own clock where that can be believed, held to the clock of this machine."""

from __future__ import annotations

import math
from typing import Final

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
