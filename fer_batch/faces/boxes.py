"""Geometry of boxes, as x, y, width, height: overlap, suppression, and matching of two sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def overlaps(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Intersection over union of every pair of (N, 4) and (M, 4) boxes x, y, width, height: (N, M)."""
    shared = np.minimum((a[:, :2] + a[:, 2:])[:, None], b[:, :2] + b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    np.maximum(shared, 0, out=shared)
    common = shared[..., 0] * shared[..., 1]
    union = (a[:, 2] * a[:, 3])[:, None] + b[:, 2] * b[:, 3] - common
    return np.asarray(common / np.maximum(union, 1e-12), np.float32)


def suppress_overlaps(boxes: NDArray[np.float32], order: NDArray[np.intp], threshold: float) -> NDArray[np.intp]:
    """Return the index of the first box of each group of overlapping ones (non-maximum suppression).

    Args:
        boxes: (N, 4) of one picture.
        order: (N,) indices, the most trusted first.
        threshold: intersection over union above which two boxes are one face.
    """
    indices: list[int] = []
    while len(order):
        first, order = order[:1], order[1:]
        indices.append(int(first[0]))
        # Row by row: a table of all pairs takes gigabytes in a stadium.
        order = order[overlaps(boxes[first], boxes[order])[0] <= threshold]
    return np.array(indices, np.intp)


def longer_sides(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the longer sides (N,) of boxes (N, 4)."""
    longer: NDArray[np.floating[Any]] = boxes[:, 2:].max(1, initial=0.0)
    return longer


FARTHEST = 1.2
"""Box sizes beyond which a face is another one, however long its track was not seen."""

_CLOSE = 0.3
"""Most that a pair is worth that does not overlap."""


def affinity(a: NDArray[np.float32], b: NDArray[np.float32], reach: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair of boxes; where boxes merely come close, a little more than nothing.

    Boxes that hardly touch any more after a fast movement keep 0.3 to 0.15, falling with the distance of their centres,
    as long as that is within reach and the boxes are of like size; beyond :data:`FARTHEST` it falls on to next to
    nothing.

    Args:
        a: (N, 4) x, y, width, height.
        b: (M, 4).
        reach: (M,) how far the centre of each of ``b`` may have moved unnoticed, in box sizes.

    Returns:
        (N, M), 1 for equal boxes.
    """
    shared = overlaps(a, b)
    if shared.size == 1 and shared[0, 0] > _CLOSE:
        return shared
    centres = np.linalg.norm((a[:, :2] + a[:, 2:] / 2)[:, None] - (b[:, :2] + b[:, 2:] / 2), axis=2)
    areas = (a[:, 2] * a[:, 3])[:, None], b[:, 2] * b[:, 3]
    distance = centres / np.sqrt(np.sqrt(np.maximum(areas[0] * areas[1], 1e-24)))
    alike = np.sqrt(np.minimum(*areas) / np.maximum(np.maximum(*areas), 1e-12))
    near = np.where(distance <= reach, _CLOSE * np.maximum(1 - distance / (2 * FARTHEST), 0.01) * alike, 0)
    return np.asarray(np.maximum(shared, near), np.float32)


def pairs(worth: NDArray[np.float32], least: float) -> list[tuple[int, int]]:
    """Rows and columns one to one, the most worth first, as long as a pair is worth at least ``least``."""
    remaining, matches = worth.copy(), []
    while remaining.size:
        row, column = divmod(int(remaining.argmax()), remaining.shape[1])
        if not remaining[row, column] >= least:
            break
        matches.append((row, column))
        remaining[row, :] = remaining[:, column] = -np.inf
    return matches
