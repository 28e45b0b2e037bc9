"""Face detection by YuNet (Wu, Peng, Yu 2023): boxes and five landmarks at any size of picture."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.detection.base import LOWEST_SCORE, suppress_overlaps
from fer_batch.discreet import import_onnxruntime
from fer_batch.errors import ModelError
from fer_batch.models import model_path
from fer_batch.types import KEYPOINTS, Faces

MODEL: Final = "yunet"
"""Its name in the manifest."""
_STRIDES: Final = (8, 16, 32)
_OUTPUTS: Final = [f"{kind}_{stride}" for stride in _STRIDES for kind in ("cls", "obj", "bbox", "kps")]
_SAME_FACE: Final = 0.4
"""Overlap above which two boxes are one face."""
_LARGE_RUN: Final = 400_000
"""Pixels of input from which on the memory of a run is given back: searches are rare, their activations large."""


class YuNet(Closing):
    """YuNet in ONNX Runtime, on one thread.

    In colour it finds 97 % of faces that are 16 pixels high in its input and 99 % at 20; in gray 99 % at 24.

    Args:
        minimum_score: detections below it are dropped.

    Raises:
        ModelError: when the network's file is missing, altered or unusable.
    """

    def __init__(self, minimum_score: float = LOWEST_SCORE) -> None:
        self._minimum = np.float32(minimum_score)
        path = model_path(MODEL)
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelError(f"{path}: not a usable ONNX model; install fer-batch again.") from error
        self._shrink = runtime.RunOptions()
        self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def detect(self, rgb: NDArray[np.uint8]) -> Faces:
        """Return the faces in (H, W, 3) RGB, best score first, positions in its pixels, without tracks."""
        return self.detect_batch(rgb[None])[0]

    def detect_batch(self, pictures: NDArray[np.uint8]) -> list[Faces]:
        """Return the faces of each of (N, H, W, 3) RGB pictures."""
        count, height, width = pictures.shape[:3]
        # Sides are multiples of the coarsest stride; the rest is black.
        size = (count, 3, -(-height // 32) * 32, -(-width // 32) * 32)
        planes = np.zeros(size, np.float32)
        for i, picture in enumerate(pictures):
            # The network wants BGR. Channel by channel takes a fourth of the time of a transposed copy.
            for channel, values in zip((2, 1, 0), cv2.split(picture), strict=True):
                planes[i, channel, :height, :width] = values
        options = self._shrink if size[2] * size[3] >= _LARGE_RUN else None
        outputs = self._session.run(_OUTPUTS, {"input": planes}, options)
        return [self._faces([output[i] for output in outputs], size[3]) for i in range(count)]

    def close(self) -> None:
        """Release the network."""
        self._session = None

    def _faces(self, outputs: list[NDArray[np.float32]], width: int) -> Faces:
        """Decode the outputs of one picture: anchor-free, one row for each cell of each stride."""
        parts: list[Faces] = []
        for number, stride in enumerate(_STRIDES):
            class_score, object_score, box, points = outputs[4 * number : 4 * number + 4]
            product = class_score[:, 0] * object_score[:, 0]
            rows = np.flatnonzero(product >= self._minimum * self._minimum)
            if len(rows):
                parts.append(_decoded(rows, width // stride, stride, np.sqrt(product[rows]), box[rows], points[rows]))
        if not parts:
            return Faces.none()
        faces = parts[0] if len(parts) == 1 else Faces.concatenate(parts)
        return suppress_overlaps(faces, np.argsort(-faces.scores, kind="stable"), _SAME_FACE)


def _decoded(
    rows: NDArray[np.intp],
    columns: int,
    stride: int,
    scores: NDArray[np.float32],
    box: NDArray[Any],
    points: NDArray[Any],
) -> Faces:
    cells = np.empty((len(rows), 2), np.float32)
    cells[:, 0], cells[:, 1] = rows % columns, rows // columns
    boxes = np.empty((len(rows), 4), np.float32)
    boxes[:, 2:] = np.exp(box[:, 2:]) * stride
    boxes[:, :2] = (cells + box[:, :2]) * stride - boxes[:, 2:] / 2
    # Boxes count from the upper left pixel's corner, keypoints from its centre.
    keypoints = (cells[:, None] + points.reshape(-1, KEYPOINTS, 2)) * stride - np.float32(0.5)
    return Faces(boxes, keypoints, np.minimum(scores, 1), np.zeros(len(rows), np.int32))
