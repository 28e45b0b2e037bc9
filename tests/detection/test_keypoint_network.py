"""Keypoints of found faces follow the face: tilted, small, mirrored or before other faces."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from benchmarks.tracking.photographs import Picture, example_frame
from helpers.detection_samples import frame
from helpers.paths import ASTRONAUT
from helpers.people import picture
from numpy.typing import NDArray

from fer_batch.config import Detector
from fer_batch.detection.finder import FaceFinder
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder(Detector.auto) as opened:
        yield opened


@pytest.fixture(scope="module")
def mediapipe() -> Iterator[MediaPipeDetector]:
    with MediaPipeDetector() as opened:
        yield opened


@pytest.fixture(scope="module")
def portrait() -> Picture:
    """The astronaut, her head nearly half of the picture."""
    return np.ascontiguousarray(picture(ASTRONAUT)[10:270, 95:355])


def keypoints(finder: FaceFinder, rgb: Picture) -> NDArray[np.float32]:
    (points,) = finder.find_confirmed(frame(rgb)).keypoints
    return np.asarray(points, np.float32)


def roll(points: NDArray[np.float32]) -> float:
    across, down = (points[1] - points[0]).tolist()
    return float(np.degrees(np.arctan2(down, across)))


def apart(some: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Mean distance of eyes, nose and mouth in distances of the eyes."""
    return float(np.linalg.norm(some[:4] - others[:4], axis=1).mean() / np.linalg.norm(some[1] - some[0]))


@pytest.mark.parametrize("time_s", [1, 6, 13, 14, 16, 17, 18])
def test_keypoints_are_where_mediapipe_sees_them(finder: FaceFinder, mediapipe: MediaPipeDetector, time_s: int) -> None:
    """The woman of the example, aside, up, and with the head laid to one side."""
    rgb = example_frame(time_s)
    placed, seen = keypoints(finder, rgb), mediapipe.detect(rgb).keypoints[0]
    assert apart(placed, seen) < 0.12
    assert roll(placed) == pytest.approx(roll(seen), abs=7)


@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
@pytest.mark.parametrize("side", [260, 80])
def test_keypoints_turn_with_a_head(finder: FaceFinder, portrait: Picture, side: int, degrees: float) -> None:
    """Large, and as small as 35 pixels."""
    small = np.asarray(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    # OpenCV counts counter-clockwise.
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -degrees, 1)
    turned = np.asarray(cv2.warpAffine(small, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    straight, there = keypoints(finder, small), keypoints(finder, turned)
    assert roll(there) - roll(straight) == pytest.approx(degrees, abs=4)
    assert apart(there, (straight @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)) < 0.12


def test_a_face_has_the_same_keypoints_in_any_company(finder: FaceFinder, portrait: Picture) -> None:
    beside = np.hstack([portrait, np.zeros_like(portrait)])
    both = np.hstack([portrait, portrait[:, ::-1]])
    box = finder.find_confirmed(frame(beside)).boxes
    assert finder._keypoints is not None
    alone = finder._keypoints.place(frame(both), box)
    other = box + np.array([[260, 0, 0, 0]], np.float32)
    together = finder._keypoints.place(frame(both), np.concatenate([other, box]))
    np.testing.assert_allclose(together[1:], alone, atol=1e-3)
    assert np.abs(together[0] - together[1]).max() > 100
