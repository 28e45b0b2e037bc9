"""Face detection by MediaPipe Tasks."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.discreet import import_mediapipe, mediapipe_loaded
from fer_batch.faces.direct import call_directly
from fer_batch.faces.kinds import DETECTORS, MINIMUM_SCORE, Detector
from fer_batch.models import model_path
from fer_batch.quiet import native_stderr_muted
from fer_batch.types import KEYPOINTS, Faces


class FaceDetector(Protocol):
    """Finds faces in a picture."""

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Faces in (H, W, 3) RGB, positions in its pixels, best score first."""
        ...

    def close(self) -> None:
        """Releases the model."""
        ...


class MediaPipeDetector(Closing):
    """BlazeFace through MediaPipe's Tasks ``FaceDetector``: boxes, six keypoints, scores. For one thread at a time.

    Args:
        kind: "short" or "full".
        minimum_score: detections below it are dropped.

    Raises:
        ModelError: when the model's file is missing or altered.
    """

    def __init__(self, kind: str = Detector.short, minimum_score: float = MINIMUM_SCORE) -> None:
        self._kind = DETECTORS[kind]
        path = model_path(self._kind.model)
        with native_stderr_muted(), mediapipe_loaded():
            # Imported here: it takes half a second that neither --help nor a reader of timelines should wait for.
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
            call_directly(self._task)
            # The first call sets up the graph's threads, and logs while it does.
            self.detect(np.zeros((64, 64, 3), np.uint8))

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Faces in (H, W, 3) RGB, positions in its pixels, best score first."""
        result = self._task.detect(self._image(image_format=self._format, data=np.ascontiguousarray(rgb)))
        detections = result.detections
        if not detections:
            return Faces.none()
        height, width = rgb.shape[:2]
        count = len(detections)
        boxes = np.empty((count, 4), np.float32)
        keypoints = np.empty((count, KEYPOINTS, 2), np.float32)
        scores = np.empty(count, np.float32)
        for i, detection in enumerate(detections):
            box = detection.bounding_box
            boxes[i] = box.origin_x, box.origin_y, box.width, box.height
            keypoints[i] = [(point.x * width, point.y * height) for point in detection.keypoints]
            scores[i] = detection.categories[0].score
        # So that a face's box is about the same whichever network finds it.
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        middles[:, 1] += self._kind.higher * boxes[:, 3]
        boxes[:, 2:] /= self._kind.larger
        boxes[:, :2] = middles - boxes[:, 2:] / 2
        order = np.argsort(-scores, kind="stable")
        return Faces(boxes, keypoints, scores, np.zeros(count, np.int32))[order]

    def close(self) -> None:
        """Must be called: left to the interpreter's exit, MediaPipe raises in a destructor."""
        if self._task is not None:
            self._task.close()
            self._task = None
