"""Keypoints of found faces: where eyes, nose, mouth and ears are, by a network taught by MediaPipe."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.base import heights
from fer_batch.faces.alignment import square_matrix, warped
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
        sides = np.maximum(MARGIN * heights(boxes), np.float32(2))[:, None]
        corners = boxes[:, :2] + boxes[:, 2:] / 2 - sides / 2
        squares = zip(corners.tolist(), sides[:, 0].tolist(), strict=True)
        faces = np.stack([warped(luma, square_matrix(corner, side, SIDE), SIDE) for corner, side in squares])
        (placed,) = self._session.run([OUTPUT], {INPUT: faces[:, None]})
        points: NDArray[np.float32] = (placed + np.float32(0.5)) * sides[:, None] + corners[:, None] - np.float32(0.5)
        return points
