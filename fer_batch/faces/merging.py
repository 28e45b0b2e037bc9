"""Which detections are of one face, and which of them is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import ANCHORS
from fer_batch.faces.association import overlaps
from fer_batch.types import Faces

_OVERLAP = 0.2
"""Intersection over union from which two boxes are at the same place: of equal boxes two thirds apart, or of one within
another one 2.2 times as wide."""
_ONE_FACE = 0.55
"""Overlap that two people's faces do not have, whatever their keypoints: one would hide the other."""
_APART = 0.3
"""Box sizes by which the keypoints of one face differ at most between two views of it, on average: ten times what is
usual, but less than those of two faces side by side."""
_BEST_SHARE = 0.4
"""Share of its picture from which on a face is not seen better by being larger."""


def matches(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Which box of ``b`` (M, 4) each box of ``a`` (N, 4) is at, one to one, best first: (N,), -1 for none."""
    table = overlaps(a, b)
    partner = np.full(len(a), -1, np.intp)
    while table.size and table.max() >= _OVERLAP:
        row, column = divmod(int(table.argmax()), table.shape[1])
        partner[row] = column
        table[row, :] = table[:, column] = -1
    return partner


def distinct(faces: Faces, shares: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Indices of detections, one for each face: the one in which the face is seen largest, among such the surest.

    Two are of one face where their boxes overlap and their keypoints agree: of two people cheek to cheek both stay.

    Args:
        faces: of one frame, from several views of it.
        shares: (N,) share of its view's side that each face takes.
    """
    boxes, points = faces.boxes, faces.keypoints[:, list(ANCHORS)]
    table = overlaps(boxes, boxes)
    sizes = boxes[:, 2:].max(1, initial=1.0)
    apart = np.linalg.norm(points[:, None] - points[None], axis=3).mean(2)
    agree = apart < _APART * np.minimum(sizes[:, None], sizes[None])
    one = (table >= _ONE_FACE) | ((table >= _OVERLAP) & agree)
    kept: list[int] = []
    for index in np.lexsort((-faces.scores, -np.minimum(shares, _BEST_SHARE))).tolist():
        if not one[index, kept].any():
            kept.append(index)
    return np.array(kept, np.intp)
