"""Which face belongs to which track: how near boxes are, and the pairs that follow from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.boxes import overlaps

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
    left, found = worth.copy(), []
    while left.size:
        row, column = divmod(int(left.argmax()), left.shape[1])
        if not left[row, column] >= least:
            break
        found.append((row, column))
        left[row, :] = left[:, column] = -np.inf
    return found
