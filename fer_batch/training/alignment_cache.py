"""Finds the faces in training crops, so that the network also sees them in the framing it gets from video."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import CropGeometry, similarities
from fer_batch.filesystem.atomic import whole

_MARGIN = 0.5
_SCALE = 2
_PLAUSIBLE = (0.7, 1.45)


def alignments(crops: Iterable[NDArray[np.uint8]], geometry: CropGeometry) -> NDArray[np.float32]:
    """The map from each crop's pixels to the registered crop's.

    Args:
        crops: (S, S) gray faces, ``S`` the geometry's size.
        geometry: the registered framing.

    Returns:
        (N, 2, 3) float32; the identity where no face is found, or one whose scale or place cannot be right
        (0.7 to 1.45 times, shifted by less than a quarter of the side).
    """
    size = geometry.size
    margin = round(size * _MARGIN)
    identity = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
    centre = np.array([(size - 1) / 2, (size - 1) / 2, 1])
    matrices = []
    with MediaPipeDetector() as detector:
        for crop in crops:
            # The detector wants some background around a face and more than 48 pixels.
            padded = cv2.copyMakeBorder(crop, *(margin,) * 4, cv2.BORDER_REPLICATE)
            large = cv2.resize(padded, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC)
            faces = detector.detect(np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8))
            matrix = identity
            if len(faces):
                points = (faces.keypoints[0].astype(np.float64) + 0.5) / _SCALE - 0.5 - margin
                transform = similarities(points[None], geometry)[0]
                scale = float(np.hypot(transform[0, 0], transform[1, 0]))
                shift = np.abs(transform @ centre - centre[:2]).max()
                if _PLAUSIBLE[0] <= scale <= _PLAUSIBLE[1] and shift < size / 4:
                    matrix = transform
            matrices.append(matrix)
    return np.stack(matrices).astype(np.float32)


def cached_alignments(crops: NDArray[np.uint8], geometry: CropGeometry, cache: Path) -> NDArray[np.float32]:
    """The same by way of an .npz file, which is made anew unless it is of these very crops and this geometry.

    Args:
        crops: (N, S, S).
        geometry: as for :func:`alignments`.
        cache: the file.
    """
    key = hashlib.sha256(repr((crops.shape, geometry)).encode() + crops.tobytes()).hexdigest()
    try:
        with np.load(cache) as stored:
            if str(stored["key"]) == key:
                return np.asarray(stored["alignments"], np.float32)
    except (OSError, ValueError, KeyError, BadZipFile):
        pass
    matrices = alignments(crops, geometry)
    with whole(cache) as temporary:
        np.savez_compressed(temporary, alignments=matrices, key=key)
    return matrices
