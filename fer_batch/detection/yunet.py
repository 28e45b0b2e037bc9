"""Face detection by YuNet (Wu, Peng, Yu 2023): boxes and landmarks at any size of picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.base import LOWEST_SCORE
from fer_batch.faces.boxes import overlaps, suppress_overlaps
from fer_batch.inference.lazy_imports import import_onnxruntime
from fer_batch.inference.onnx_runtime import shipped_session
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable

MODEL: Final = "yunet"
"""Its name in the manifest."""
_STRIDES: Final = (8, 16, 32)
_KINDS: Final = ("cls", "obj", "bbox", "kps")
_OUTPUTS: Final = [f"{kind}_{stride}" for stride in _STRIDES for kind in _KINDS]
_SAME_FACE: Final = 0.4
"""Overlap above which two boxes are one face."""
_OFFSETS: Final = (0.01 + 0.03j, 0.05 + 0.02j, 0.03 + 0.10j)
"""From YuNet's right eye, left eye and mouth centre to where MediaPipe places them: along the line from the right to
the left eye, and down at a right angle to it, in distances of the eyes. Medians over photographs of people."""
_EARS: Final = 0.6
"""How far ears lie beyond the eyes, in distances of the eyes."""
_LARGE_RUN: Final = 400_000
"""Pixels of input from which on the memory of a run is given back: searches are rare, their activations large."""


class YuNet(Closeable):
    """YuNet in ONNX Runtime, on one thread.

    In colour it finds 97 % of faces that are 16 pixels high in its input and 99 % at 20; in gray 99 % at 24.

    Args:
        minimum_score: detections below it are dropped.

    Raises:
        ModelError: when the network's file is missing, altered or unusable.
    """

    def __init__(self, minimum_score: float = LOWEST_SCORE) -> None:
        self._minimum = np.float32(minimum_score)
        self._session = shipped_session(MODEL)
        self._shrink = import_onnxruntime().RunOptions()
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
        parts = [np.concatenate(outputs[kind :: len(_KINDS)], axis=1) for kind in range(len(_KINDS))]
        grid = _grid(*size[2:])
        return [self._faces(grid, *(part[i] for part in parts)) for i in range(count)]

    def close(self) -> None:
        """Release the network."""
        self._session = None

    def _faces(
        self,
        grid: NDArray[np.float32],
        class_score: NDArray[np.float32],
        object_score: NDArray[np.float32],
        box: NDArray[np.float32],
        points: NDArray[np.float32],
    ) -> Faces:
        """Decode the outputs of one picture: anchor-free, one row for each cell of each stride."""
        product = (class_score * object_score)[:, 0]
        rows = np.flatnonzero(product >= self._minimum * self._minimum)
        if not len(rows):
            return Faces.none()
        cells, strides, box = grid[rows, :2], grid[rows, 2:], box[rows]
        boxes = np.empty((len(rows), 4), np.float32)
        boxes[:, 2:] = np.exp(box[:, 2:]) * strides
        boxes[:, :2] = (cells + box[:, :2]) * strides - boxes[:, 2:] / 2
        # Boxes count from the upper left pixel's corner, landmarks from its centre.
        landmarks = (cells[:, None] + points[rows].reshape(-1, 5, 2)) * strides[:, None] - np.float32(0.5)
        scores = np.minimum(np.sqrt(product[rows]), np.float32(1))
        indices = suppress_overlaps(boxes, np.argsort(-scores, kind="stable"), _SAME_FACE)
        # The mean of all that see a face, by their scores, trembles less than the best of them (as BlazeFace blends).
        weights = np.where(overlaps(boxes[indices], boxes) > _SAME_FACE, scores, 0)
        blended = weights @ boxes / weights.sum(1, keepdims=True)
        return Faces(blended, _keypoints(landmarks[indices]), scores[indices], np.zeros(len(indices), np.int32))


@lru_cache(maxsize=16)
def _grid(height: int, width: int) -> NDArray[np.float32]:
    """Column, row and stride (cells, 3) of each cell, stride by stride in row order."""
    grids = []
    for stride in _STRIDES:
        along, across = np.mgrid[: height // stride, : width // stride]
        grids.append(np.column_stack([across.ravel(), along.ravel(), np.full(along.size, stride)]))
    return np.concatenate(grids).astype(np.float32)


def _keypoints(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keypoints (N, 6, 2) for YuNet's right eye, left eye, nose, right and left corner of the mouth (N, 5, 2), in
    complex numbers; the ears are a guess.
    """
    right, left, nose, *corners = np.moveaxis(landmarks.astype(np.float64).view(np.complex128)[..., 0], 1, 0)
    eyes = left - right
    mouth = sum(corners) / 2 + _OFFSETS[2] * eyes
    right, left = right + _OFFSETS[0] * eyes, left + _OFFSETS[1] * eyes
    placed = np.stack([right, left, nose, mouth, right - _EARS * eyes, left + _EARS * eyes], axis=1)
    return placed.view(np.float64).reshape(len(placed), -1, 2).astype(np.float32)
