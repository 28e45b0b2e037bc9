"""A registered face looks the same however the head was held, near or far."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from helpers.paths import ASTRONAUT
from numpy.typing import NDArray

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import CropGeometry, register, register_all, similarities

GEOMETRY = CropGeometry()
Gray = NDArray[np.uint8]
Points = NDArray[np.float64]


@pytest.fixture(scope="module")
def detector() -> Iterator[MediaPipeDetector]:
    with MediaPipeDetector() as opened:
        yield opened


@pytest.fixture(scope="module")
def picture() -> Gray:
    return np.asarray(cv2.imread(str(ASTRONAUT), cv2.IMREAD_COLOR_RGB), np.uint8)


@pytest.fixture(scope="module")
def gray(picture: Gray) -> Gray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


@pytest.fixture(scope="module")
def keypoints(picture: Gray, detector: MediaPipeDetector) -> Points:
    """MediaPipe's own six points of the astronaut's face."""
    found = detector.detect(picture)
    assert len(found) == 1
    return np.asarray(found.keypoints[0], np.float64)


def moved(picture: Gray, degrees: float, scale: float, shift: tuple[float, float]) -> tuple[Gray, NDArray[np.float64]]:
    """The picture turned about her nose, scaled and shifted on a canvas that holds it, and the matrix that did it."""
    matrix = cv2.getRotationMatrix2D((224.0, 130.0), degrees, scale)
    corners = np.array([[0, 0, 1], [511, 0, 1], [511, 511, 1], [0, 511, 1]]) @ matrix.T
    matrix[:, 2] += shift - corners.min(0) + 10
    width, height = np.ceil(np.ptp(corners, axis=0) + 20 + shift).astype(int)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    if scale < 0.6:  # warpAffine does not average
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 / scale), np.uint8)
    warped = cv2.warpAffine(picture, matrix, (int(width), int(height)), flags=method, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8), np.asarray(matrix, np.float64)


def difference(a: Gray, b: Gray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def transformed(points: Points, matrix: NDArray[np.float64]) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def test_eyes_and_mouth_come_to_lie_where_the_geometry_says(keypoints: Points) -> None:
    placed = transformed(keypoints, similarities(keypoints[None], GEOMETRY)[0])[[0, 1, 3]]
    # A similarity cannot fit three points of every face exactly.
    np.testing.assert_allclose(placed, GEOMETRY.template(), atol=1.5)
    assert placed[0, 0] < placed[1, 0] < 48
    assert placed[:2, 1].max() < placed[2, 1]


@pytest.mark.parametrize("degrees", [-25, 0, 25])
@pytest.mark.parametrize("scale", [0.3, 1, 3])
def test_a_turned_scaled_and_shifted_face_gives_the_same_crop(
    gray: Gray, keypoints: Points, degrees: float, scale: float
) -> None:
    upright = register(gray, keypoints, GEOMETRY)
    assert upright.std() > 40
    other, matrix = moved(gray, degrees, scale, (31.4, 7.7))
    crop = register(other, transformed(keypoints, matrix), GEOMETRY)
    # At 0.3 her face is 30 pixels wide: less than the crop, so some detail is gone.
    assert difference(crop, upright) < (3 if scale >= 1 else 8)
    # The same crop a pixel further is clearly another one: the bounds above mean something.
    assert difference(np.roll(upright, 1, axis=1), upright) > 8


@pytest.mark.parametrize("degrees", [-25, 25])
def test_detection_and_registration_together_level_a_tilted_head(
    picture: Gray, detector: MediaPipeDetector, degrees: float
) -> None:
    """With the head as large as in a video call, where MediaPipe places its points to a few pixels."""
    near = np.ascontiguousarray(picture[20:260, 110:350])
    matrix = cv2.getRotationMatrix2D((120.0, 120.0), degrees, 1)
    tilted = np.asarray(cv2.warpAffine(near, matrix, (240, 240), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    crops = []
    for view in (near, tilted):
        found = detector.detect(view)
        assert len(found) == 1
        crops.append(register(np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)), found.keypoints[0], GEOMETRY))
    level, levelled = (crop.ravel() for crop in crops)
    assert np.corrcoef(level, levelled)[0, 1] > 0.88
    # Left as it was, the tilted head would be far from that.
    askew = cv2.warpAffine(crops[0], cv2.getRotationMatrix2D((23.5, 23.5), degrees, 1), (48, 48))
    assert np.corrcoef(level, np.asarray(askew).ravel())[0, 1] < 0.6


def test_a_large_face_is_averaged_down_not_sampled() -> None:
    """Fine stripes and noise: averaging gives calm gray, picking single pixels gives moiré."""
    rng = np.random.default_rng(3)
    size, factor = GEOMETRY.size, 12
    fine = np.asarray(rng.integers(0, 2, (size * factor, size * factor)) * 255, np.uint8)
    fine[: size * factor // 2] = np.tile(np.array([0, 255], np.uint8), size * factor // 2)
    points = np.zeros((6, 2))
    points[[0, 1, 3]] = (GEOMETRY.template() + 0.5) * factor - 0.5
    crop = register(fine, points, GEOMETRY)
    averaged = np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    assert difference(crop, averaged) < 4
    assert difference(fine[factor // 2 :: factor, factor // 2 :: factor], averaged) > 60


def test_averaging_moves_nothing() -> None:
    """A gradient has one value for each place, so half a crop pixel of shift would show as four gray levels."""
    size, factor = GEOMETRY.size, 7
    ramp = np.linspace(0, 255, size * factor)
    wide = np.asarray(np.tile(ramp, (size * factor, 1)).round(), np.uint8)
    points = np.zeros((6, 2))
    points[[0, 1, 3]] = (GEOMETRY.template() + 0.5) * factor - 0.5
    expected = ramp.reshape(size, factor).mean(axis=1)
    for picture, axis in ((wide, 0), (np.ascontiguousarray(wide.T), 1)):
        np.testing.assert_allclose(register(picture, points, GEOMETRY).mean(axis=axis), expected, atol=1)


@pytest.mark.parametrize("gone", ["left", "top", "right", "bottom"])
def test_a_face_partly_outside_the_picture_is_registered_by_what_is_left(
    gray: Gray, keypoints: Points, gone: str
) -> None:
    """The picture ends in the middle of her face; beyond it the edge is repeated."""
    whole = register(gray, keypoints, GEOMETRY)
    x, y = (round(float(v)) for v in keypoints[[0, 1, 3]].mean(axis=0))
    size = GEOMETRY.size
    cut, shift, kept, repeated, axis = {
        "left": (gray[:, x:], (x, 0), np.s_[:, size // 2 + 2 :], np.s_[12:36, :12], 1),
        "top": (gray[y:], (0, y), np.s_[size // 2 + 6 :, :], np.s_[:12, 12:36], 0),
        "right": (gray[:, :x], (0, 0), np.s_[:, : size // 2 - 2], np.s_[12:36, 36:], 1),
        "bottom": (gray[:y], (0, 0), np.s_[: size // 2 - 2, :], np.s_[36:, 12:36], 0),
    }[gone]
    crop = register(cut, keypoints - shift, GEOMETRY)
    assert crop.shape == (size, size)
    assert difference(crop[kept], whole[kept]) < 3
    # Her eyes are not quite level, so the edge's own gray levels run slightly aslant.
    assert np.abs(np.diff(crop[repeated].astype(int), axis=axis)).mean() < 5


def test_a_face_wholly_outside_the_picture_is_no_error(gray: Gray, keypoints: Points) -> None:
    for shift in ((-5000, 0), (5000, 5000)):
        crop = register(gray, keypoints + shift, GEOMETRY)
        assert crop.shape == (48, 48)


def test_all_faces_of_a_frame_come_in_order(gray: Gray, keypoints: Points) -> None:
    crops = register_all(gray, np.stack([keypoints, keypoints + np.array([5, 0])]), GEOMETRY)
    np.testing.assert_array_equal(crops[0], register(gray, keypoints, GEOMETRY))
    assert difference(crops[0], crops[1]) > 5
    assert register_all(gray, np.zeros((0, 6, 2)), GEOMETRY).shape == (0, 48, 48)


def test_keypoints_on_one_spot_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarities(np.full((1, 6, 2), 7.0), GEOMETRY)
