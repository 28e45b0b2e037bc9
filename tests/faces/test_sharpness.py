"""Sharpness: less for every kind of blur, the same in any light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from benchmarks.tracking.photographs import example_people
from numpy.typing import NDArray

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.sharpness import sharpness_of_faces

Gray = NDArray[np.uint8]


class Portrait:
    """A person of the examples, and where her face is."""

    def __init__(self, rgb: NDArray[np.uint8], detector: MediaPipeDetector) -> None:
        faces = detector.detect(rgb)
        self.keypoints = faces.keypoints[:1]
        self.width = float(faces.boxes[0, 2])
        self.gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)

    def sharpness(self, gray: Gray | None = None) -> float:
        """Of the face in another version of the picture, which may be larger or smaller."""
        gray = self.gray if gray is None else gray
        scale = np.array(gray.shape[::-1]) / self.gray.shape[::-1]
        return float(sharpness_of_faces(gray, (self.keypoints + 0.5) * scale - 0.5)[0])


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    with MediaPipeDetector() as detector:
        return [Portrait(one.rgb, detector) for one in example_people()]


def blurred(gray: Gray, deviation: float) -> Gray:
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), deviation), np.uint8)


def resized(gray: Gray, scale: float) -> Gray:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def jolted(gray: Gray, way: int, *, along: bool) -> Gray:
    """As if the camera had moved evenly over so many pixels during the exposure."""
    kernel = np.full((way, 1) if along else (1, way), 1 / way, np.float32)
    return np.asarray(cv2.filter2D(gray, -1, kernel), np.uint8)


def test_the_more_blur_the_less_sharpness(portraits: list[Portrait]) -> None:
    for portrait in portraits:
        shares = (0, 0.005, 0.01, 0.02, 0.04, 0.08)
        values = [portrait.sharpness(blurred(portrait.gray, max(1e-3, share * portrait.width))) for share in shares]
        assert 0.45 < values[0] < 0.75
        assert np.diff(values).max() < 0
        assert values[3] < 0.75 * values[0]
        assert values[5] < 0.2


def test_a_small_face_is_as_blurred_as_it_is_and_is_not_sharpened_by_enlarging(portraits: list[Portrait]) -> None:
    for portrait in portraits:
        sizes = [portrait.sharpness(resized(portrait.gray, pixels / portrait.width)) for pixels in (64, 48, 32, 24, 16)]
        assert np.diff(sizes).max() < 0
        assert sizes[3] < 0.75 * portrait.sharpness()
        small = resized(portrait.gray, 24 / portrait.width)
        assert portrait.sharpness(resized(small, 8)) == pytest.approx(sizes[3], abs=0.08)


def test_the_same_picture_at_a_higher_resolution_is_as_sharp(portraits: list[Portrait]) -> None:
    """Of a large face only so much detail counts, so that recordings can be compared."""
    woman = portraits[0]
    assert woman.width > 180
    at_half = woman.sharpness(resized(woman.gray, 0.5))
    assert at_half == pytest.approx(woman.sharpness(), abs=0.05)


@pytest.mark.parametrize("along", [False, True])
def test_a_jolt_in_either_direction_counts_as_blur(portraits: list[Portrait], along: bool) -> None:
    for portrait in portraits:
        ways = [round(share * portrait.width) | 1 for share in (0.05, 0.1, 0.2)]
        values = [portrait.sharpness(jolted(portrait.gray, way, along=along)) for way in ways]
        assert np.diff([portrait.sharpness(), *values]).max() < 0
        assert values[-1] < 0.6 * portrait.sharpness()


@pytest.mark.parametrize(("contrast", "brightness"), [(0.3, 10), (0.5, 100), (0.7, 0)])
def test_light_does_not_matter(portraits: list[Portrait], contrast: float, brightness: float) -> None:
    for portrait in portraits:
        changed = np.asarray(np.rint(portrait.gray * contrast + brightness), np.uint8)
        assert portrait.sharpness(changed) == pytest.approx(portrait.sharpness(), abs=0.02)


def test_a_tilted_face_is_as_sharp(portraits: list[Portrait]) -> None:
    for portrait in portraits:
        quarter = np.ascontiguousarray(np.rot90(portrait.gray))
        points = portrait.keypoints[:, :, ::-1] * [1, -1] + [0, portrait.gray.shape[1] - 1]
        assert float(sharpness_of_faces(quarter, points)[0]) == pytest.approx(portrait.sharpness(), abs=0.02)


def test_a_face_cut_off_by_the_border_is_measured_by_what_is_left(portraits: list[Portrait]) -> None:
    woman = portraits[0]
    middle = round(float(woman.keypoints[0, 2, 0]))
    left_half = np.ascontiguousarray(woman.gray[:, :middle])
    assert float(sharpness_of_faces(left_half, woman.keypoints)[0]) == pytest.approx(woman.sharpness(), abs=0.12)


def test_where_there_is_nothing_to_see_nothing_is_told(portraits: list[Portrait]) -> None:
    woman = portraits[0]
    flat = np.full_like(woman.gray, 90)
    outside = woman.keypoints + np.float32(5000)
    odd = np.concatenate([outside, np.zeros((1, 6, 2)), np.full((1, 6, 2), np.nan), np.full((1, 6, 2), 1e30)])
    assert np.isnan(sharpness_of_faces(flat, woman.keypoints)).all()
    assert np.isnan(sharpness_of_faces(woman.gray, odd)).all()
    assert sharpness_of_faces(woman.gray, woman.keypoints[:0]).shape == (0,)
    both = sharpness_of_faces(woman.gray, np.concatenate([odd, woman.keypoints]))
    assert float(both[-1]) == woman.sharpness()
