"""Identity through time: which face of this frame is which face of the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_batch.types import Faces

_MISSED = 2
"""Frames in which a face must be missed before its track may end, however far apart they are."""
_FASTEST = 7.0
"""Box sizes a second that a face may move more than its track foretells: a head jerked by its own width in 0.1 s."""
_FARTHEST = 1.2
"""Box sizes beyond which a face is another one, however long its track was not seen."""


@dataclass(slots=True)
class _Track:
    number: int
    box: NDArray[np.float32]
    """(4,) x, y, width, height where it was last seen."""
    velocity: NDArray[np.float32]
    """(2,) movement of the centre in box sizes a second, smoothed."""
    seen_s: float
    missed: int = 0
    """Frames since then."""

    def predicted(self, time_s: float) -> NDArray[np.float32]:
        """Where the box should be now; movement is trusted for half a second."""
        box = self.box.copy()
        box[:2] += self.velocity * box[2:] * min(time_s - self.seen_s, 0.5)
        return box


class Tracker:
    """Follows faces by where they are and how they move.

    A face continues the track whose predicted box it overlaps best, one to one, best pairs first. Everything is in
    seconds and shares of the picture, so frame rate, gaps and resolution do not matter. A track that was missed in two
    frames and for ``patience_s`` ends; its number is never used again.

    Args:
        patience_s: seconds for which a face may be missing; at a few frames a second one missed frame is longer.
        minimum_affinity: least affinity (see :func:`affinity`) of a face and a track.
    """

    def __init__(self, patience_s: float = 1.0, minimum_affinity: float = 0.15) -> None:
        self._patience_s = patience_s
        self._minimum = minimum_affinity
        self._tracks: list[_Track] = []
        self._next = 1

    def update(self, time_s: float, faces: Faces, unit: float = 1.0) -> Faces:
        """The frame's faces with their track numbers, ordered by track.

        Args:
            time_s: the frame's time in seconds; never less than the last call's.
            faces: detections, any order; their ``tracks`` are ignored.
            unit: pixels that make a length of 1, the picture's width: a recording may change its resolution.
        """
        self._tracks = [track for track in self._tracks if not self._is_over(track, time_s)]
        boxes = faces.boxes / np.float32(unit)
        numbers = np.zeros(len(faces), np.int32)
        for track in self._tracks:
            track.missed += 1
        for row, column in self._matches(time_s, boxes):
            self._follow(self._tracks[column], boxes[row], time_s)
            numbers[row] = self._tracks[column].number
        for row in np.flatnonzero(numbers == 0).tolist():
            self._tracks.append(_Track(self._next, boxes[row].copy(), np.zeros(2, np.float32), time_s))
            numbers[row] = self._next
            self._next += 1
        order = np.argsort(numbers, kind="stable")
        return Faces(faces.boxes, faces.keypoints, faces.scores, numbers)[order]

    def expected(self, time_s: float, unit: float = 1.0) -> NDArray[np.float32]:
        """(M, 4) where the faces of all tracks should be now, in the units of :meth:`update`."""
        boxes = [track.predicted(time_s) for track in self._tracks if not self._is_over(track, time_s)]
        return np.array(boxes, np.float32).reshape(-1, 4) * np.float32(unit)

    def _is_over(self, track: _Track, time_s: float) -> bool:
        return track.missed >= _MISSED and time_s - track.seen_s > self._patience_s

    def _matches(self, time_s: float, boxes: NDArray[np.float32]) -> list[tuple[int, int]]:
        """Pairs of a box and a track, by their places."""
        if not len(boxes) or not self._tracks:
            return []
        predicted = np.stack([track.predicted(time_s) for track in self._tracks])
        reach = np.array([min(_FARTHEST, 0.5 + _FASTEST * (time_s - track.seen_s)) for track in self._tracks])
        table = affinity(boxes, predicted, reach.astype(np.float32))
        pairs = []
        while table.size and (best := int(table.argmax())) >= 0:
            row, column = divmod(best, table.shape[1])
            if table[row, column] < self._minimum:
                break
            pairs.append((row, column))
            table[row, :] = table[:, column] = -1
        return pairs

    @staticmethod
    def _follow(track: _Track, box: NDArray[np.float32], time_s: float) -> None:
        elapsed = time_s - track.seen_s
        if elapsed > 0:
            moved = (box[:2] + box[2:] / 2 - track.box[:2] - track.box[2:] / 2) / np.maximum(track.box[2:], 1e-6)
            # Smoothed over about 0.15 s, so that the detector's jitter is not taken for movement.
            share = 1 - np.exp(-elapsed / 0.15)
            track.velocity = (track.velocity + share * (moved / elapsed - track.velocity)).astype(np.float32)
        track.box, track.seen_s, track.missed = box.copy(), time_s, 0


def affinity(a: NDArray[np.float32], b: NDArray[np.float32], reach: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair of boxes; where boxes merely come close, a little more than nothing.

    Boxes that hardly touch any more after a fast movement keep 0.3 to 0.15, falling with the distance of their centres,
    as long as that is within reach and the boxes are of like size.

    Args:
        a: (N, 4) x, y, width, height.
        b: (M, 4).
        reach: (M,) how far the centre of each of ``b`` may have moved unnoticed, in box sizes.

    Returns:
        (N, M), 1 for equal boxes.
    """
    upper = np.maximum(a[:, None, :2], b[None, :, :2])
    lower = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(lower - upper, 0, None).prod(2)
    area_a, area_b = a[:, 2:].prod(1), b[:, 2:].prod(1)
    overlap = shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-6)
    centres = np.linalg.norm((a[:, :2] + a[:, 2:] / 2)[:, None] - (b[:, :2] + b[:, 2:] / 2)[None], axis=2)
    size = np.sqrt(np.maximum(area_a[:, None] * area_b[None], 1e-6)) ** 0.5
    alike = np.sqrt(
        np.minimum(area_a[:, None], area_b[None]) / np.maximum(np.maximum(area_a[:, None], area_b[None]), 1e-6)
    )
    distance = centres / size
    near = np.where(distance <= reach[None], 0.3 * np.clip(1 - distance / (2 * _FARTHEST), 0, 1) * alike, 0)
    return np.asarray(np.maximum(overlap, near), np.float32)
