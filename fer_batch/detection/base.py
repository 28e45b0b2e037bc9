"""What every face detector offers, and the geometry of boxes that detection shares."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import square_matrix, warped
from fer_batch.faces.association import overlaps
from fer_batch.types import Faces
from fer_batch.video.frame import Frame

LOWEST_SCORE: Final = 0.3
"""Detections down to this score may carry on a known face: turned, blurred or half hidden."""


class FaceDetector(Protocol):
    """Finds faces in a picture; for one thread at a time."""

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Return the faces in (H, W, 3) RGB, best score first, positions in its pixels, without tracks."""
        ...

    def close(self) -> None:
        """Release the network."""
        ...


def suppress_overlaps(faces: Faces, order: NDArray[np.intp], threshold: float) -> Faces:
    """Return the first face of each group of overlapping ones (non-maximum suppression).

    Args:
        faces: detections of one picture.
        order: (N,) indices, the most trusted first.
        threshold: intersection over union above which two boxes are one face.
    """
    kept: list[int] = []
    while len(order):
        first, order = order[:1], order[1:]
        kept.append(int(first[0]))
        # Row by row: a table of all pairs takes gigabytes in a stadium.
        order = order[overlaps(faces.boxes[first], faces.boxes[order])[0] <= threshold]
    return faces[np.array(kept, np.intp)]


def cut_out(frame: Frame, corner: Sequence[float], side: float, size: int) -> NDArray[np.uint8]:
    """Return a square of the frame as (size, size, 3) RGB, its edge repeated beyond the border.

    It is cut out of a smaller picture of the frame where that is fine enough, in powers of two of 160 pixels, so that
    all squares of about one size share one.

    Args:
        frame: in which the square lies.
        corner: its upper left corner in pixels of the frame.
        side: its side in pixels of the frame.
        size: its side in the result.
    """
    longer = max(frame.width, frame.height)
    picture = frame.small(min(longer, 160 * 2 ** ceil(log2(max(1.0, longer * size / side / 160)))))
    scale = max(picture.shape[:2]) / longer
    return warped(picture, square_matrix([place * scale for place in corner], side * scale, size), size)


def longer_sides(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the longer sides (N,) of boxes (N, 4)."""
    longer: NDArray[np.floating[Any]] = boxes[:, 2:].max(1, initial=0.0)
    return longer
