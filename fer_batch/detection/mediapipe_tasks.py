"""Face detection by MediaPipe Tasks: BlazeFace, short range."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.detection.base import LOWEST_SCORE
from fer_batch.discreet import import_mediapipe, mediapipe_loaded
from fer_batch.faces.alignment import MEDIAPIPE_OFFSETS
from fer_batch.models import model_path
from fer_batch.quiet import native_stderr_muted
from fer_batch.types import KEYPOINTS, Faces

MODEL: Final = "face-short-range"
"""Its name in the manifest."""
_MOUTH_WIDTH: Final = 0.87
"""Width of a mouth in distances of the eyes: median over 848 faces, by YuNet."""
_BOX: Final = (1.1, 0.82, 0.075)
"""Width and height of MediaPipe's boxes in those of YuNet's, and by how much of its height their centres are lower:
medians over the same faces."""


class MediaPipeDetector(Closing):
    """BlazeFace through MediaPipe's Tasks ``FaceDetector``, for one thread at a time.

    Its boxes and landmarks are moved to where YuNet would place them. It sees the centre of the mouth; the corners are
    set half a mouth's width to either side.

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
            _call_directly(self._task)
            # The first call sets up the graph's threads, and logs while it does.
            self.detect(np.zeros((64, 64, 3), np.uint8))

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Return the faces in (H, W, 3) RGB, best score first, positions in its pixels, without tracks."""
        result = self._task.detect(self._image(image_format=self._format, data=np.ascontiguousarray(rgb)))
        detections = sorted(result.detections, key=lambda one: -one.categories[0].score)
        if not detections:
            return Faces.none()
        boxes = np.array([_corners(one.bounding_box) for one in detections], np.float32)
        points = np.array([[(point.x, point.y) for point in one.keypoints[:4]] for one in detections], np.float64)
        scores = np.array([one.categories[0].score for one in detections], np.float32)
        size = np.array(rgb.shape[1::-1])
        return Faces(_boxes(boxes), _landmarks(points * size - 0.5), scores, np.zeros(len(scores), np.int32))

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


def _landmarks(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """YuNet's landmarks (N, 5, 2) for MediaPipe's right eye, left eye, nose and mouth (N, 4, 2): the reverse of
    ``MEDIAPIPE_OFFSETS``, with points as complex numbers.
    """
    right, left, nose, mouth = np.moveaxis(points.view(np.complex128)[..., 0], 1, 0)
    by_right, by_left, by_mouth = (complex(*offset) for offset in MEDIAPIPE_OFFSETS)
    eyes = (left - right) / (1 + by_left - by_right)
    centre, half = mouth - by_mouth * eyes, eyes * _MOUTH_WIDTH / 2
    moved: NDArray[Any] = np.stack(
        [right - by_right * eyes, left - by_left * eyes, nose, centre - half, centre + half], axis=1
    )
    return moved.view(np.float64).reshape(-1, KEYPOINTS, 2).astype(np.float32)


class _Done:
    """What was done already, where a future is expected."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class _CallingThread:
    """An executor without a thread."""

    def submit(self, call: Callable[..., Any], *args: Any, **named: Any) -> _Done:
        return _Done(call(*args, **named))


def _call_directly(task: Any) -> None:
    """Have a MediaPipe task call its library in the thread that calls the task.

    Its Python side hands every call to a thread of its own and waits for that, twice a detection: 0.3 of 3
    milliseconds. That thread keeps two calls apart; from now on the caller does. A task of a version that is made
    differently stays as it is.
    """
    signatures = getattr(sys.modules[type(task).__module__], "_CTYPES_SIGNATURES", ())
    library = getattr(task, "_lib", None)
    raw = getattr(library, "_lib", None)
    if raw is None:
        return
    for signature in signatures:
        setattr(library, signature.func_name, signature.create_python_wrapper(raw, _CallingThread()))
