"""When the whole of a frame is searched for small faces."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.video.frame import Frame

_SOONEST_S: Final = 0.5
"""Seconds from a search that found a face, or an event that asks for one, to the next search."""
_LATEST_S: Final = 8.0
"""Seconds between searches that find nothing new, at most."""
_RARER: Final = 2.5
"""Growth of the interval after a search that found nothing new."""
_MOVED_S: Final = 2.0
"""Seconds between searches that motion asks for."""
_MOVED: Final = 14.0
"""Mean change of the thumbnail in gray levels from which on much has moved since the last search."""
_THUMBNAIL: Final = (16, 9)


@dataclass(slots=True)
class SearchSchedule:
    """When the whole frame is searched for small faces; by presentation times and what was found alone."""

    size: tuple[int, int] = (0, 0)
    last_s: float = -inf
    due_s: float = -inf
    interval_s: float = _SOONEST_S
    missing: int = 0
    """Expected faces that were not found in the last frame."""
    begins: bool = False
    """Whether the frame searched last begins a shot."""
    thumbnail: NDArray[np.uint8] | None = None
    """(9, 16) of the frame searched last."""

    def is_due(self, frame: Frame, new_shot: bool, small: NDArray[np.uint8]) -> bool:
        """Return whether this frame is searched; from then on it is the last that was."""
        time_s, size = frame.time_s, (frame.width, frame.height)
        begins = new_shot or size != self.size
        if not begins and time_s < self.due_s and time_s - self.last_s < _MOVED_S:
            return False
        now = cv2.resize(small[..., 1], _THUMBNAIL, interpolation=cv2.INTER_AREA)
        moved = self.thumbnail is None or cv2.norm(now, self.thumbnail, cv2.NORM_L1) >= _MOVED * now.size
        if not (begins or moved or time_s >= self.due_s):
            return False
        self.begins = begins
        if begins:
            self.interval_s = _SOONEST_S
        self.size, self.last_s, self.thumbnail = size, time_s, np.asarray(now, np.uint8)
        return True

    def searched(self, found_new: bool) -> None:
        """Set when the next search is due."""
        self.due_s = self.last_s + self.interval_s
        self.interval_s = _SOONEST_S if found_new else min(_RARER * self.interval_s, _LATEST_S)

    def note_missing(self, missing: int) -> None:
        """Ask for a search soon where a face was lost."""
        if missing > self.missing:
            self.due_s = min(self.due_s, self.last_s + _SOONEST_S)
        self.missing = missing
