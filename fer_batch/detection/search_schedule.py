"""When the whole of a frame is searched for small faces."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, inf
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
_MOVED: Final = 20
"""Change of a cell of the thumbnail, in gray levels, from which on something may have come in."""
_SOONER: Final = 0.25
"""Share of the interval after which motion asks for a search. The interval grows all the same while nothing new is
found."""
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
    thumbnail: NDArray[np.uint8] | None = None
    """(9, 16) of the frame searched last."""

    def is_due(self, frame: Frame, new_shot: bool, small: NDArray[np.uint8], expected: NDArray[np.float32]) -> bool:
        """Return whether this frame is searched; from then on it is the last that was.

        Args:
            frame: the next one.
            new_shot: whether a cut lies before it.
            small: (h, w, 3) a picture of it.
            expected: (M, 4) boxes of known faces in its pixels, around which motion says nothing new.
        """
        time_s, size = frame.time_s, (frame.width, frame.height)
        begins = new_shot or size != self.size
        if not begins and time_s < self.last_s + _SOONER * (self.due_s - self.last_s):
            return False
        now = np.asarray(cv2.resize(small[..., 1], _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)
        if not begins and time_s < self.due_s and not self._has_moved(now, expected / np.tile(size, 2)):
            return False
        if begins:
            self.interval_s = _SOONEST_S
        self.size, self.last_s, self.thumbnail = size, time_s, now
        return True

    def _has_moved(self, now: NDArray[np.uint8], expected: NDArray[np.floating]) -> bool:
        """Whether a cell has changed that is not near a known face (x, y, width, height in shares of the picture)."""
        if self.thumbnail is None:
            return True
        change = cv2.absdiff(now, self.thumbnail)
        for x, y, width, height in (expected * np.tile(_THUMBNAIL, 2)).tolist():
            rows = slice(max(0, floor(y - height / 2)), max(0, ceil(y + 1.5 * height)))
            change[rows, max(0, floor(x - width / 2)) : max(0, ceil(x + 1.5 * width))] = 0
        return bool(change.max() >= _MOVED)

    def searched(self, has_new_faces: bool) -> None:
        """Set when the next search is due."""
        self.due_s = self.last_s + self.interval_s
        self.interval_s = _SOONEST_S if has_new_faces else min(_RARER * self.interval_s, _LATEST_S)

    def note_missing(self, missing: int) -> None:
        """Ask for a search soon where a face was lost."""
        if missing > self.missing:
            self.due_s = min(self.due_s, self.last_s + _SOONEST_S)
        self.missing = missing
