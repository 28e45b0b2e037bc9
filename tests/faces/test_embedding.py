"""One person's embeddings lie near each other, whatever the face expresses; other people's lie far away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from helpers.people import Found, astronaut, woman
from numpy.typing import NDArray

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import register
from fer_batch.faces.embedding import GEOMETRY, FaceEmbedder
from fer_batch.tracking.appearance import OTHER, SAME


@pytest.fixture(name="detector", scope="module")
def opened_detector() -> Iterator[MediaPipeDetector]:
    with MediaPipeDetector() as opened:
        yield opened


@pytest.fixture(name="embedder", scope="module")
def loaded_network() -> FaceEmbedder:
    return FaceEmbedder()


@pytest.fixture(name="crying", scope="module")
def woman_crying(detector: MediaPipeDetector) -> Found:
    return woman(detector, 1.0)[0]


def embedding(embedder: FaceEmbedder, face: Found) -> NDArray[np.float32]:
    found = embedder.embed(*face)
    assert found is not None
    assert found.shape == (128,)
    return found


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(a - b))


def test_crying_and_laughing_she_is_the_same_and_nobody_else(
    embedder: FaceEmbedder, detector: MediaPipeDetector, crying: Found
) -> None:
    tears, laughter = embedding(embedder, crying), embedding(embedder, woman(detector, 14.0)[0])
    other = embedding(embedder, astronaut(detector))
    assert distance(tears, laughter) < SAME
    assert min(distance(tears, other), distance(laughter, other)) > OTHER


def smaller(face: Found) -> Found:
    """48 pixels high."""
    luma, keypoints = face
    scale = 48 / 230
    small = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), ((keypoints + 0.5) * scale - 0.5).astype(np.float32)


def darker(face: Found) -> Found:
    return np.asarray(face[0] // 4, np.uint8), face[1]


def tilted(face: Found) -> Found:
    luma, keypoints = face
    matrix = cv2.getRotationMatrix2D(tuple(keypoints[2].tolist()), 30, 1)
    turned = cv2.warpAffine(luma, matrix, luma.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), (keypoints @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def mirrored(face: Found) -> Found:
    luma, keypoints = face
    right = keypoints[[1, 0, 2, 3, 5, 4]]
    return np.ascontiguousarray(luma[:, ::-1]), (np.array([luma.shape[1] - 1, 0]) - right * [1, -1]).astype(np.float32)


@pytest.mark.parametrize(("change", "most"), [(smaller, 0.3), (darker, 0.3), (tilted, 0.3), (mirrored, 0.1)])
def test_small_dark_tilted_or_mirrored_a_face_is_known_again(
    embedder: FaceEmbedder, crying: Found, change: Callable[[Found], Found], most: float
) -> None:
    assert distance(embedding(embedder, change(crying)), embedding(embedder, crying)) < most


def test_a_blurred_face_which_could_be_anybodys_gets_no_embedding(embedder: FaceEmbedder, crying: Found) -> None:
    luma, keypoints = crying
    blurred = np.asarray(cv2.GaussianBlur(luma, (0, 0), 14), np.uint8)
    assert embedder.embed(blurred, keypoints) is None
    assert embedder.embed(np.full_like(luma, 128), keypoints) is None


def test_an_embedding_is_the_same_to_the_bit_in_any_company(
    embedder: FaceEmbedder, detector: MediaPipeDetector, crying: Found
) -> None:
    faces = [*woman(detector, 2.0, 14.0), astronaut(detector), crying] * 4
    crops = np.stack([register(*face, GEOMETRY) for face in faces])
    together = embedder.embed_crops(crops)
    assert together.dtype == np.float32
    for size in (1, 3, 16):
        np.testing.assert_array_equal(embedder.embed_crops(crops[:size]), together[:size])
    np.testing.assert_array_equal(embedder.embed_crops(crops[::-1])[::-1], together)
    np.testing.assert_array_equal(FaceEmbedder().embed(*crying), together[3])
    assert embedder.embed_crops(crops[:0]).shape == (0, 128)
