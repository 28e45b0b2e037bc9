"""Closer looks: at places where a face may be, and for faces in parts of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.covering import NEAR, covering
from fer_batch.faces.detector import FaceDetector
from fer_batch.faces.detectors import Detectors
from fer_batch.faces.merging import distinct, matches
from fer_batch.faces.tiles import Square
from fer_batch.types import Faces

_NEAR_SIZE = 256
"""Side in pixels of the picture of a place: twice what the network sees, because MediaPipe's boxes are whole pixels."""
_FAR_SIZE = 192
"""Side in pixels of the picture of a tile: what the full-range network sees. Its boxes need not be exact."""


def look_at(
    luma: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    detectors: Detectors,
    *,
    sides: float = NEAR,
    most: int | None = None,
    turn: int = 0,
) -> tuple[Faces, NDArray[np.float32], NDArray[np.intp]]:
    """Looks at places so closely that a face there is at its largest.

    Args:
        luma: (H, W) of the frame.
        boxes: (N, 4) where faces may be, in its pixels.
        detectors: short-range ones.
        sides: side of a picture in sizes of the largest place in it, at least.
        most: pictures made, at most; one shows several neighbours.
        turn: which of them come first where there are more, so that in turn all are looked at.

    Returns:
        The faces at these places, at most one each; the share of the picture's side that each took; and at which place
        each is.
    """
    squares = covering(boxes, sides)
    if most is not None and len(squares) > most:
        squares = [squares[(turn * most + i) % len(squares)] for i in range(most)]
    seen = detectors.map(lambda detector, square: _seen(luma, square, _NEAR_SIZE, detector), [s for s, _ in squares])
    found, shares, places = [], [], []
    for (square, members), faces in zip(squares, seen, strict=True):
        partner = matches(faces.boxes, boxes[members])
        at = partner >= 0
        found.append(faces[at])
        shares.append(faces.boxes[at, 2:].max(1, initial=0.0) / square.side)
        places.append(np.array(members, np.intp)[partner[at]])
    return (
        Faces.concatenate(found),
        np.concatenate([np.zeros(0, np.float32), *shares]),
        np.concatenate([np.zeros(0, np.intp), *places]),
    )


def proposals(luma: NDArray[np.uint8], squares: Sequence[Square], detectors: Detectors) -> Faces:
    """What might be a face in parts of the picture, one proposal for each place.

    Args:
        luma: (H, W) of the frame.
        squares: the parts.
        detectors: full-range ones.
    """
    seen = detectors.map(lambda detector, square: _seen(luma, square, _FAR_SIZE, detector), squares)
    shares = [faces.boxes[:, 2:].max(1, initial=0.0) / square.side for faces, square in zip(seen, squares, strict=True)]
    faces = Faces.concatenate(seen)
    return faces[distinct(faces, np.concatenate([np.zeros(0), *shares]))]


def _seen(luma: NDArray[np.uint8], square: Square, size: int, detector: FaceDetector) -> Faces:
    scale = square.side / size
    faces = detector.detect(square.cut(luma, size)).scaled(scale, scale)
    corner = np.array([square.x, square.y], np.float32)
    boxes = faces.boxes + np.concatenate([corner, np.zeros(2, np.float32)])
    return Faces(boxes, faces.keypoints + corner, faces.scores, faces.tracks)
