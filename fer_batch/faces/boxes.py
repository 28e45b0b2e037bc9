"""Geometry of boxes, as x, y, width, height."""

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
    kept: list[int] = []
    while len(order):
        first, order = order[:1], order[1:]
        kept.append(int(first[0]))
        # Row by row: a table of all pairs takes gigabytes in a stadium.
        order = order[overlaps(boxes[first], boxes[order])[0] <= threshold]
    return np.array(kept, np.intp)


def longer_sides(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the longer sides (N,) of boxes (N, 4)."""
    longer: NDArray[np.floating[Any]] = boxes[:, 2:].max(1, initial=0.0)
    return longer
