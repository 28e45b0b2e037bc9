"""What every face detector offers, and the geometry of boxes that detection shares."""

from __future__ import annotations

from math import ceil, log2
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.types import Faces
from fer_batch.video.frame import Frame

LOWEST_SCORE: Final = 0.3
"""Detections down to this score may carry on a known face: turned, blurred or half hidden."""

_SMALL: Final = 160
"""Longer side in pixels of the smallest picture of a frame that parts are cut out of."""


class FaceDetector(Protocol):
    """Finds faces in a picture; for one thread at a time."""

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Return the faces in (H, W, 3) RGB, best score first, positions in its pixels, without tracks."""
        ...

    def close(self) -> None:
        """Release the network."""
        ...


class Square(NamedTuple):
    """A part of a frame, by its upper left corner and side in the frame's pixels; may reach beyond the border."""

    left: float
    top: float
    side: float

    def placed(self, faces: Faces, size: int) -> Faces:
        """Return faces found in a picture of this square, ``size`` pixels wide, in the frame's pixels."""
        return faces.scaled(self.side / size, self.side / size).moved(self.left, self.top)


def around(box: NDArray[np.float32], factor: float) -> Square:
    """Return the square around the centre of a box (4,), in whole pixels, ``factor`` times its longer side wide."""
    x, y, width, height = box.tolist()
    side = max(2, round(factor * max(width, height)))
    return Square(round(x + (width - side) / 2), round(y + (height - side) / 2), side)


def cut_gray(frame: Frame, square: Square, size: int) -> tuple[NDArray[np.uint8], Square]:
    """Return a square of whole pixels as (size, size) gray, its edge repeated beyond the border, and what it shows."""
    if _SMALL * square.side < size * max(frame.width, frame.height):
        return _cut(frame.luma(), square, size), square
    # A large one is quicker to cut out of the small picture.
    rgb, shown = cut_rgb(frame, square, size)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8), shown


def cut_rgb(frame: Frame, square: Square, size: int) -> tuple[NDArray[np.uint8], Square]:
    """Return a square as (size, size, 3) RGB, and what it shows exactly.

    It is cut out of a smaller picture of the frame where that is fine enough, in powers of two of 160 pixels, so that
    all squares of about one size share one.
    """
    longer = max(frame.width, frame.height)
    picture = frame.small(min(longer, _SMALL * 2 ** ceil(log2(max(1.0, longer * size / square.side / _SMALL)))))
    scale = max(picture.shape[:2]) / longer
    whole = Square(round(square.left * scale), round(square.top * scale), max(2, round(square.side * scale)))
    return _cut(picture, whole, size), Square(whole.left / scale, whole.top / scale, whole.side / scale)


def _cut(picture: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = int(square.side)
    # At least a pixel of the picture.
    left, top = min(max(int(square.left), 1 - side), width - 1), min(max(int(square.top), 1 - side), height - 1)
    beyond = max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width)
    part = picture[max(0, top) : top + side, max(0, left) : left + side]
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE), np.uint8)
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (size, size), interpolation=method), np.uint8)
