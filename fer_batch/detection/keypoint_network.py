"""Keypoints of found faces: where eyes, nose, mouth and ears are, by a network taught by MediaPipe."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.inference.onnx_runtime import shipped_session

MODEL: Final = "face-keypoints"
"""Its name in the manifest."""
SIDE: Final = 64
"""Side in pixels of its input."""
MARGIN: Final = 1.1
"""Side of the square that it sees, in longer sides of the face's box."""
INPUT: Final = "faces"
OUTPUT: Final = "keypoints"


class KeypointNetwork:
    """Places MediaPipe's six keypoints in faces that YuNet has found.

    YuNet's own landmarks hardly turn with a head: tilted by 24 degrees, a face 80 pixels high has its eyes on a level.

    Raises:
        ModelError: when the network's file is missing, altered or unusable.
    """

    def __init__(self) -> None:
        self._session = shipped_session(MODEL)

    def place(self, luma: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the keypoints (N, 6, 2) of faces in pixels of the picture.

        Args:
            luma: (H, W).
            boxes: (N, 4) x, y, width, height of faces in its pixels.
        """
        squares = [_square(box) for box in boxes.tolist()]
        faces = np.stack([_cropped(luma, *square) for square in squares])
        (placed,) = self._session.run([OUTPUT], {INPUT: faces[:, None]})
        known = np.array(squares, np.float32)[:, None]
        points: NDArray[np.float32] = (placed + np.float32(0.5)) * known[..., 2:] + known[..., :2] - np.float32(0.5)
        return points


def _square(box: list[float]) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of what is seen of a box."""
    x, y, width, height = box
    side = max(2, round(MARGIN * max(width, height)))
    return round(x + (width - side) / 2), round(y + (height - side) / 2), side


def _cropped(luma: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """The square as (64, 64), the picture's edge repeated beyond its border."""
    height, width = luma.shape
    # At least a pixel of the picture.
    left, top = min(max(left, 1 - side), width - 1), min(max(top, 1 - side), height - 1)
    before = max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width)
    part = luma[max(0, top) : top + side, max(0, left) : left + side]
    if any(before):
        part = np.asarray(cv2.copyMakeBorder(part, *before, cv2.BORDER_REPLICATE), np.uint8)
    method = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=method), np.uint8)
