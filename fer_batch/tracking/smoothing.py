"""Steadiness: positions of faces without the detector's tremble, and without lag while faces move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.types import KEYPOINTS, Faces

_STARTS: Final = np.array([0, 3, 7])
_SHAPE: Final = slice(7, 7 + 2 * KEYPOINTS)
"""What is smoothed of a face: centre (2) in pixels and logarithm of the size of its keypoints; the box's centre (2) and
the logarithms of its sides, both in relation to those; the keypoints (12) likewise."""
_GROUP: Final = np.repeat([0, 1, 2], [3, 4, 2 * KEYPOINTS])
_COUNTS: Final = np.array([1.0, 1.0, KEYPOINTS])
"""Points whose speeds are averaged in each group."""

_SLOWEST_HZ: Final = np.array([0.7, 0.3, 0.5])
_RISE: Final = np.array([7.0, 4.0, 2.0])
"""Cutoff frequency of each group at rest, and by how much it rises for a speed of 1: two radii of the face a second for
its centre, one for what is relative to it, a factor of e a second for sizes. So a head at a steady speed stays behind
by two radii / (2 pi 7) at most, 1.5 % of its box's width. The box follows the keypoints and its own measurements
slowly: those come in whole pixels of a small picture. With these values boxes and eyes are nearer to the truth than as
they are detected, not only of faces that are still but also of those that cross, come near, are shaken and wander."""
_SPEED_HZ: Final = 1.0
"""Cutoff frequency for the speeds; the published filter's own value."""
_FORGOTTEN_S: Final = 1.0
"""Seconds after which a face that was not seen starts anew; tracks end then too."""
_SHORTEST_S: Final = 1e-3
"""Frames closer than this have damaged times."""


@dataclass(slots=True)
class _State:
    """Of T tracks; see the groups above for the columns."""

    tracks: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    seen_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    measured: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(_GROUP))))
    smooth: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(_GROUP))))
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(_GROUP))))
    """Of the measured values, smoothed, a second; the centre's in twice the radius."""

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _State:
        return _State(self.tracks[rows], self.seen_s[rows], self.measured[rows], self.smooth[rows], self.speed[rows])

    def __add__(self, other: _State) -> _State:
        return _State(
            np.concatenate([self.tracks, other.tracks]),
            np.concatenate([self.seen_s, other.seen_s]),
            np.concatenate([self.measured, other.measured]),
            np.concatenate([self.smooth, other.smooth]),
            np.concatenate([self.speed, other.speed]),
        )


class OneEuroSmoother:
    """Smooths boxes and keypoints of tracks by the One Euro filter (Casiez, Roussel, Vogel 2012).

    Its cutoff frequency rises with speed: what is still is smoothed much, what moves little. Here it works in seconds
    and sizes of the face, so that frame rate, gaps and resolution do not matter, and its weights are those of the exact
    exponential, 1 - exp(-2 pi f t). The face as a whole, the box in relation to the keypoints, and the keypoints in
    relation to each other have a cutoff each. A face's result depends on nothing but its own track's past.
    """

    def __init__(self) -> None:
        self._state = _State()

    def get_state(self) -> _State:
        """All that it remembers between two calls."""
        return self._state

    def set_state(self, state: _State) -> None:
        """Continues another one."""
        self._state = state

    def update(self, time_s: float, faces: Faces) -> Faces:
        """The faces of the next frame with smooth boxes and keypoints, all else as given.

        The first time that a track is seen, also after more than a second without it, nothing is changed.

        Args:
            time_s: the frame's time in seconds; never less than the last call's.
            faces: with their tracks; those without one (0) are left as they are.
        """
        state = self._state
        is_recent = time_s - state.seen_s <= _FORGOTTEN_S
        if not is_recent.all():
            state = state[is_recent]
        if not len(faces):
            self._state = state
            return faces
        measured = _measured(faces)
        now = _State(
            faces.tracks.copy(), np.full(len(faces), time_s), measured, measured.copy(), np.zeros_like(measured)
        )
        if np.array_equal(faces.tracks, state.tracks):
            # As nearly always: the very same faces again.
            _follow(now, slice(None), state)
            self._state = now
            boxes, keypoints = (part.astype(np.float32) for part in _positions(now.smooth))
            return replace(faces, boxes=boxes, keypoints=keypoints)
        same = (faces.tracks[:, None] == state.tracks[None]) & (faces.tracks > 0)[:, None]
        rows, before = np.nonzero(same)
        if len(rows):
            _follow(now, rows, state[before])
        self._state = state[~same.any(0)] + now[faces.tracks > 0]
        if not len(rows):
            return faces
        boxes, keypoints = faces.boxes.copy(), faces.keypoints.copy()
        boxes[rows], keypoints[rows] = _positions(now.smooth[rows])
        return replace(faces, boxes=boxes, keypoints=keypoints)


def _follow(now: _State, rows: NDArray[np.intp] | slice, before: _State) -> None:
    """Fills in the smooth values and speeds of the rows of ``now`` that continue those of ``before``."""
    elapsed = np.maximum(now.seen_s[rows] - before.seen_s, _SHORTEST_S)[:, None]
    measured = now.measured[rows]
    moved = measured - before.measured
    moved[:, :2] /= 2 * np.exp(before.smooth[:, 2:3])
    speed = before.speed + _weight(_SPEED_HZ, elapsed) * (moved / elapsed - before.speed)
    totals = np.add.reduceat(speed * speed, _STARTS, axis=1)
    cutoffs = _SLOWEST_HZ + _RISE * np.sqrt(totals / _COUNTS)
    weights = _weight(cutoffs, elapsed)[:, _GROUP]
    now.smooth[rows] = before.smooth + weights * (measured - before.smooth)
    now.speed[rows] = speed


def _weight(cutoff_hz: float | NDArray[np.float64], elapsed_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a new value in the smooth one: that of a low-pass filter of the first order after this time."""
    return 1 - np.exp(-2 * np.pi * cutoff_hz * elapsed_s)


def _measured(faces: Faces) -> NDArray[np.float64]:
    """(N, 19) what is smoothed, relative to the radius of the face: the root mean square distance of its keypoints from
    their centre, about a third of its box's width.
    """
    points, boxes = faces.keypoints.astype(np.float64), faces.boxes.astype(np.float64)
    centres = np.add.reduce(points, 1) / KEYPOINTS
    shapes = (points - centres[:, None]).reshape(len(points), 2 * KEYPOINTS)
    # Points on one spot must not end in infinity.
    radii = np.maximum(np.sqrt(np.add.reduce(shapes * shapes, 1, keepdims=True) / KEYPOINTS), 1e-3)
    values = np.empty((len(points), len(_GROUP)))
    values[:, :2], values[:, 2:3] = centres, np.log(radii)
    values[:, 3:5] = (boxes[:, :2] + boxes[:, 2:] / 2 - centres) / radii
    values[:, 5:7] = np.log(np.maximum(boxes[:, 2:], 1e-3) / radii)
    values[:, _SHAPE] = shapes / radii
    return values


def _positions(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes (N, 4) and keypoints (N, 6, 2) again."""
    centres, radii = values[:, :2], np.exp(values[:, 2:3])
    boxes = np.empty((len(values), 4))
    boxes[:, 2:] = radii * np.exp(values[:, 5:7])
    boxes[:, :2] = centres + radii * values[:, 3:5] - boxes[:, 2:] / 2
    shapes = values[:, _SHAPE].reshape(-1, KEYPOINTS, 2)
    return boxes, centres[:, None] + radii[:, None] * shapes
