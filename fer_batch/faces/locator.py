"""Faces of a frame in the frame's own pixels, found in a small picture of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.errors import InputError
from fer_batch.faces.alignment import ANCHORS
from fer_batch.faces.detector import FaceDetector, MediaPipeDetector
from fer_batch.faces.kinds import DETECTORS, MINIMUM_SCORE
from fer_batch.types import Faces
from fer_batch.video.frame import Frame


class FaceLocator:
    """A detector with the picture size that suits it.

    Args:
        kind: "short" or "full".
        minimum_score: detections below it are dropped.

    Raises:
        InputError: when there is no such detector.
        ModelError: when its file is missing or altered.
    """

    def __init__(self, kind: str, minimum_score: float = MINIMUM_SCORE) -> None:
        if kind not in DETECTORS:
            raise InputError(f"--detector {kind}: give {' or '.join(DETECTORS)}.")
        self._side = DETECTORS[kind].side
        self._detector: FaceDetector = MediaPipeDetector(kind, minimum_score)

    def prepare(self, frame: Frame) -> None:
        """Makes the picture that :meth:`locate` looks at, in whatever thread this is called."""
        frame.small(self._side)

    def locate(self, frame: Frame) -> Faces:
        """The faces that can be registered, best score first, without tracks."""
        small = frame.small(self._side)
        faces = self._detector.detect(small).scaled(frame.width / small.shape[1], frame.height / small.shape[0])
        return faces[_registrable(faces)]

    def close(self) -> None:
        """Releases the detector."""
        self._detector.close()


def _registrable(faces: Faces) -> NDArray[np.bool_]:
    """(N,) whether eyes and mouth lie apart, as registration needs."""
    if not len(faces):
        return np.zeros(0, np.bool_)
    points: NDArray[np.floating[Any]] = faces.keypoints[:, list(ANCHORS)]
    return np.asarray(np.ptp(points, axis=1).max(1) > 2.0, np.bool_)
