"""When a recording is looked at closely, and at how much of a frame at once."""

from __future__ import annotations

from fer_batch.faces.tiles import Square, tiles

_SOONEST_S = 0.5
"""Seconds from a look that found somebody to the next one."""
_LATEST_S = 8.0
"""Seconds between looks where none finds anybody. Then looking costs less than a tenth of all else."""
_RARER = 3
"""Times as long as the interval before is the one after a look that found nobody. The 20 seconds of the
example then take 7 to 14 % more processor time than without looks; doubling takes one look more."""
_FIRST_TILE = 192
"""Side in pixels of the smallest tiles of the first frame, which in a photo is the only one: the full-range network
proposes 92 % of all faces that are an eighth of its picture, here 24 pixels."""
_LATER_TILE = 240
"""Side in pixels of the smallest tiles later: it proposes 79 % of the faces of 24 pixels and more of larger ones, and
will look again; a third of the tiles are saved."""
_FRAME_TILES = 24
"""Tiles of one frame, at most: a look at 640x360 is done in one frame, at 1080p in four, at 4K in fourteen."""
_FRAME_S = 0.1
"""Where frames are farther apart than this, more tiles are looked at in each."""


class Schedule:
    """Which tiles of which frame are looked at: all at first and after a cut, then ever more rarely.

    Only presentation times and what was found decide, never how fast anything runs.
    """

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None
        self._waiting: list[Square] = []
        self._interval_s = _SOONEST_S
        self._due_s = 0.0
        self._last_s = 0.0
        self._found = False

    def tiles(self, time_s: float, size: tuple[int, int], new_shot: bool) -> list[Square]:
        """The tiles to look at in this frame; none most of the time.

        Args:
            time_s: the frame's presentation time in seconds.
            size: its width and height in pixels.
            new_shot: nothing is where it was.
        """
        first = self._size is None
        elapsed, self._last_s = time_s - self._last_s, time_s
        if first or new_shot or size != self._size:
            self._size, self._interval_s = size, _SOONEST_S / _RARER
            self._begin_look(_FIRST_TILE if first else _LATER_TILE)
        elif not self._waiting and time_s >= self._due_s:
            self._begin_look(_LATER_TILE)
        most = len(self._waiting) if first else _FRAME_TILES * max(1, round(elapsed / _FRAME_S))
        now, self._waiting = self._waiting[:most], self._waiting[most:]
        return now

    def looked(self, time_s: float, found: bool) -> None:
        """What came of the tiles: whether they showed a face that was neither known nor found without them."""
        self._found |= found
        if not self._waiting:
            self._interval_s = _SOONEST_S if self._found else min(_RARER * self._interval_s, _LATEST_S)
            self._due_s = time_s + self._interval_s

    def _begin_look(self, finest: int) -> None:
        assert self._size is not None
        self._waiting = tiles(*self._size, finest)
        self._found = False
