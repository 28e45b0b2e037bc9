"""A second opinion: whether MediaPipe sees the face that another look has found."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import ANCHORS, LEFT_EYE, RIGHT_EYE, square_matrix, warped

_SURROUNDINGS: Final = 2.0
"""Side of the square that MediaPipe looks at, in longer sides of the face's box."""
_SIDE: Final = 256
"""Pixels of its picture: twice what the network sees, because MediaPipe's boxes are whole pixels."""
_SCORE: Final = 0.6
"""Least score of MediaPipe's. Of 250 photographs of people 99 in 100 have 0.72 or more, with wide margins 0.61; an
engine's flank 0.65 at most, stars and gravel 0.55."""
_DISTANCE: Final = 0.22
"""Most by which eyes and mouth of the two differ in the mean, in distances of the eyes. Of the photographs 95 in 100
have 0.18 or less; the engine 0.26 and more, stars and gravel 0.42."""


class Confirmation(Closing):
    """Confirms faces by MediaPipe's detector, which is loaded when it is first asked.

    Args:
        sure: score of the first look from which on no second one is needed. A face in profile, or cut off by the
            picture's border, has it in YuNet where MediaPipe sees nothing: 99 in 100 photographs of people have 0.89,
            profiles in focus 0.86. Of textures the engine's flank comes nearest with 0.82.
    """

    def __init__(self, sure: float) -> None:
        self._sure = sure
        self._detector: MediaPipeDetector | None = None

    def is_face(
        self, luma: NDArray[np.uint8], box: NDArray[np.float32], keypoints: NDArray[np.float32], score: float
    ) -> bool:
        """Return whether what was found is a face.

        Args:
            luma: (H, W) of the frame.
            box: (4,) x, y, width, height in its pixels.
            keypoints: (6, 2) keypoints in its pixels.
            score: of the first look.
        """
        return score >= self._sure or self._sees(luma, box, keypoints)

    def close(self) -> None:
        """Release MediaPipe's network."""
        if self._detector is not None:
            self._detector.close()
            self._detector = None

    def _sees(self, luma: NDArray[np.uint8], box: NDArray[np.float32], keypoints: NDArray[np.float32]) -> bool:
        if self._detector is None:
            self._detector = MediaPipeDetector(_SCORE)
        x, y, width, height = box.tolist()
        side = max(1.0, _SURROUNDINGS * max(width, height))
        corner = np.array([x + width / 2 - side / 2, y + height / 2 - side / 2], np.float32)
        square = warped(luma, square_matrix(corner.tolist(), side, _SIDE), _SIDE)
        seen = self._detector.detect(np.asarray(cv2.cvtColor(square, cv2.COLOR_GRAY2RGB), np.uint8))
        if not len(seen):
            return False
        # From corners of pixels to their centres and back.
        points = (seen.keypoints + np.float32(0.5)) * np.float32(side / _SIDE) + corner - np.float32(0.5)
        eyes = float(np.linalg.norm(keypoints[LEFT_EYE] - keypoints[RIGHT_EYE]))
        apart = np.linalg.norm((points - keypoints)[:, list(ANCHORS)], axis=2).mean(1)
        # In profile the eyes are close together.
        return bool(apart.min() <= _DISTANCE * max(eyes, 0.2 * height))
