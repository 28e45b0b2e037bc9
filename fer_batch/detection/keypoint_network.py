"""Keypoints of found faces: where eyes, nose, mouth and ears are, by a network taught by MediaPipe."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.base import around, cut_gray
from fer_batch.inference.onnx_runtime import shipped_session
from fer_batch.video.frame import Frame

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

    def place(self, frame: Frame, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the keypoints (N, 6, 2) of faces by their boxes (N, 4), both in pixels of the frame."""
        faces, squares = zip(*(cut_gray(frame, around(box, MARGIN), SIDE) for box in boxes), strict=True)
        (placed,) = self._session.run([OUTPUT], {INPUT: np.stack(faces)[:, None]})
        origins = np.array(squares, np.float32)[:, None]
        points: NDArray[np.float32] = (placed + np.float32(0.5)) * origins[..., 2:] + origins[..., :2] - np.float32(0.5)
        return points
