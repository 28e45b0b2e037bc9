"""Face detection by MediaPipe Tasks: BlazeFace, short range."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.base import LOWEST_SCORE
from fer_batch.inference.lazy_imports import import_mediapipe, mediapipe_loaded
from fer_batch.inference.registry import model_path
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.native_output import native_stderr_muted

MODEL: Final = "face-short-range"
"""Its name in the manifest."""
_BOX: Final = (1.1, 0.82, 0.075)
"""Width and height of MediaPipe's boxes in those of YuNet's, and by how much of its height their centres are lower:
medians over 848 faces."""


class MediaPipeDetector(Closeable):
    """BlazeFace through MediaPipe's Tasks ``FaceDetector``, for one thread at a time.

    Its boxes are moved to where YuNet would place them.

    Args:
        minimum_score: detections below it are dropped.

    Raises:
        ModelError: when the network's file is missing or altered.
        FerBatchError: when MediaPipe cannot be loaded.
    """

    def __init__(self, minimum_score: float = LOWEST_SCORE) -> None:
        path = model_path(MODEL)
        with native_stderr_muted(), mediapipe_loaded():
            mediapipe = import_mediapipe()
            vision = mediapipe.tasks.vision
            self._image = mediapipe.Image
            self._format = mediapipe.ImageFormat.SRGB
            self._task: Any = vision.FaceDetector.create_from_options(
                vision.FaceDetectorOptions(
                    base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(path)),
                    min_detection_confidence=minimum_score,
                )
            )
            # The first call sets up the graph's threads, and logs while it does.
            self.detect(np.zeros((64, 64, 3), np.uint8))

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Return the faces in (H, W, 3) RGB, best score first, positions in its pixels, without tracks."""
        result = self._task.detect(self._image(image_format=self._format, data=np.ascontiguousarray(rgb)))
        detections = sorted(result.detections, key=lambda one: -one.categories[0].score)
        if not detections:
            return Faces.none()
        boxes = np.array([_corners(one.bounding_box) for one in detections], np.float32)
        points = np.array([[(point.x, point.y) for point in one.keypoints] for one in detections], np.float64)
        scores = np.array([one.categories[0].score for one in detections], np.float32)
        # MediaPipe counts from the upper left pixel's corner, keypoints from its centre.
        points = points * np.array(rgb.shape[1::-1]) - 0.5
        return Faces(_boxes(boxes), points.astype(np.float32), scores, np.zeros(len(scores), np.int32))

    def close(self) -> None:
        """Release the network. Left to the interpreter's exit, MediaPipe raises in a destructor."""
        if self._task is not None:
            self._task.close()
            self._task = None


def _corners(box: Any) -> tuple[float, float, float, float]:
    return box.origin_x, box.origin_y, box.width, box.height


def _boxes(boxes: NDArray[Any]) -> NDArray[np.float32]:
    width, height, lower = _BOX
    sides = boxes[:, 2:] / np.array([width, height], np.float32)
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    centres[:, 1] -= lower * sides[:, 1]
    return np.hstack([centres - sides / 2, sides])
