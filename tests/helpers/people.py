"""Faces of the two people whose pictures ship, found and registered as in a recording."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from helpers.paths import ASTRONAUT, EXAMPLE
from numpy.typing import NDArray

from fer_batch.detection.base import FaceDetector

Found = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Luma (H, W) and the face's keypoints (6, 2) in it."""


def woman(detector: FaceDetector, *seconds: float) -> list[Found]:
    """The woman of the example clip at these times: in tears up to second 9, laughing from second 12."""
    moments, found = sorted(seconds), []
    with av.open(str(EXAMPLE)) as container:
        for frame in container.decode(video=0):
            if moments and frame.time is not None and frame.time >= moments[0]:
                moments.pop(0)
                found.append(_face(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), detector))
    assert not moments
    return found


def astronaut(detector: FaceDetector) -> Found:
    """The astronaut."""
    return _face(picture(ASTRONAUT), detector)


def picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a file."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def _face(rgb: NDArray[np.uint8], detector: FaceDetector) -> Found:
    faces = detector.detect(rgb)
    assert len(faces) == 1
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8), faces.keypoints[0]
