"""What every face detector offers, and the geometry of boxes that detection shares."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.association import overlaps
from fer_batch.types import Faces

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
    if len(faces) < 2:
        return faces
    table = overlaps(faces.boxes, faces.boxes)
    kept: list[int] = []
    for index in order.tolist():
        if not kept or table[index, kept].max() <= threshold:
            kept.append(index)
    return faces[np.array(kept, np.intp)]


def heights(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the longer sides (N,) of boxes (N, 4)."""
    longer: NDArray[np.floating[Any]] = boxes[:, 2:].max(1, initial=0.0)
    return longer
