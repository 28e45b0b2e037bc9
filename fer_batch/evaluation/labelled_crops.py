"""The registered crop of every labelled picture, taken as it is or found in a photo as in a recording."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.detection.finder import FaceFinder
from fer_batch.evaluation.datasets import LabelledFaces
from fer_batch.faces.alignment import CropGeometry, register
from fer_batch.types import Faces
from fer_batch.video.frame import Display, Frame

_NOT_FOUND: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)


def ready_crops(
    data: LabelledFaces, indices: NDArray[np.intp], classifier: EmotionClassifier
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Each picture taken as an already registered face.

    Args:
        data: the pictures.
        indices: which of them, in the order in which they are given.
        classifier: the model that says size and colour.

    Yields:
        The picture's index and its crop, uint8, (S, S) gray or (S, S, 3) RGB; None when it cannot be read.
    """
    for index in indices:
        yield int(index), data.crop(int(index), classifier.geometry.size, colour=not classifier.gray)


def found_crops(
    data: LabelledFaces, indices: NDArray[np.intp], geometry: CropGeometry, detector: str, *, colour: bool = False
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Each photo's face, the one nearest the middle, found and registered as in a recording.

    Args:
        data: the photos.
        indices: which of them, in the order in which they are given.
        geometry: the framing.
        detector: one of :class:`fer_batch.config.Detector`.
        colour: RGB instead of gray.

    Yields:
        The photo's index and its crop as of :func:`ready_crops`; one of length 0 when no face was found.
    """
    with FaceFinder(detector) as finder:
        for index in indices:
            picture = data.rgb(int(index))
            if picture is None:
                yield int(index), None
                continue
            height, width = picture.shape[:2]
            frame = Frame(0, 0.0, av.VideoFrame.from_ndarray(picture, format="rgb24"), Display(width, height))
            faces = finder.find_confirmed(frame)
            if not len(faces):
                yield int(index), _NOT_FOUND
                continue
            points = faces.keypoints[_middle(faces, width, height)]
            yield int(index), register(picture if colour else frame.luma(), points, geometry)


def _middle(faces: Faces, width: int, height: int) -> int:
    centres = faces.boxes[:, :2] + faces.boxes[:, 2:] / 2
    return int(np.linalg.norm(centres - (width / 2, height / 2), axis=1).argmin())
