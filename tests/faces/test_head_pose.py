"""Head poses: signs, amounts, and what happens to faces that have none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from benchmarks.tracking.photographs import example_frame, example_people
from numpy.typing import NDArray

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.head_pose import FACE_POINTS, head_poses

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

SIDE = 640


@pytest.fixture(scope="module")
def detector() -> Iterator[MediaPipeDetector]:
    with MediaPipeDetector() as opened:
        yield opened


@pytest.fixture(scope="module")
def portraits() -> list[Picture]:
    """The people of the examples, the head about a third of the picture."""
    woman, astronaut = example_people()
    return [np.ascontiguousarray(woman.rgb[:, 140:500]), np.ascontiguousarray(astronaut.rgb[10:270, 95:355])]


def pose(picture: Picture, detector: MediaPipeDetector) -> NDArray[np.float32]:
    faces = detector.detect(picture)
    assert len(faces) >= 1
    found: NDArray[np.float32] = head_poses(faces.keypoints[:1], max(picture.shape))[0]
    return found


def seen(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, place: tuple[float, float] = (320, 180)) -> Points:
    """The keypoints (1, 6, 2) of a face 0.9 m away, turned to the right as seen, up and clockwise."""
    y, p, r = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = FACE_POINTS @ (tilt @ turn @ nod).T + [0, 0, 90]
    return np.asarray([points[:, :2] / points[:, 2:] * SIDE + place], np.float64)


@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
def test_roll_follows_a_turned_picture(degrees: float, detector: MediaPipeDetector, portraits: list[Picture]) -> None:
    errors = []
    for portrait in portraits:
        height, width = portrait.shape[:2]
        # OpenCV counts counter-clockwise.
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
        turned = cv2.warpAffine(portrait, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        change = pose(np.asarray(turned, np.uint8), detector) - pose(portrait, detector)
        errors.append(change - [0, 0, degrees])
    assert np.abs(np.mean(errors, axis=0)[2]) < 3
    assert np.abs(errors)[:, 2].max() < 5


def test_a_mirrored_picture_changes_the_signs_of_yaw_and_roll(detector: MediaPipeDetector) -> None:
    """The detector itself sees a mirrored face a few degrees otherwise; the calculation does not."""
    for time_s, turned, tilted in ((1, True, False), (17, True, True), (19, False, True)):
        picture = example_frame(time_s)
        straight, mirrored = pose(picture, detector), pose(np.ascontiguousarray(picture[:, ::-1]), detector)
        for angle in [0] * turned + [2] * tilted:
            assert abs(straight[angle]) > 10
            assert mirrored[angle] == pytest.approx(-straight[angle], abs=6)
    keypoints = seen(25, 10, 5)
    mirrored_points = (keypoints * [-1, 1] + [SIDE - 1, 0])[:, [1, 0, 2, 3, 5, 4]]
    expected = head_poses(keypoints, SIDE) * [-1, 1, -1]
    np.testing.assert_allclose(head_poses(mirrored_points, SIDE), expected, atol=0.01)


def test_the_woman_of_the_example_looks_where_one_sees_her_look(detector: MediaPipeDetector) -> None:
    """Past the camera's left side, then up, then with the head laid to one side and the other, at last down."""
    aside, up, one_side, other_side = (pose(example_frame(time_s), detector) for time_s in (6, 13, 17, 19))
    assert aside[0] < -15
    assert up[1] > 10
    assert one_side[0] > 10
    assert one_side[2] < -15
    assert other_side[2] > 15
    assert other_side[1] < -5


@pytest.mark.parametrize("yaw", [0, 20, 40])
def test_angles_mean_what_they_say(yaw: float) -> None:
    # A camera pointed at the middle of the keypoints sees the face from a little below the eyes.
    for pitch, roll in ((0, 0), (15, 0), (-15, 0), (0, 25), (10, -25)):
        found = head_poses(seen(yaw, pitch, roll), SIDE)[0]
        np.testing.assert_allclose(found, [yaw, pitch, roll], atol=3.5)


def test_yaw_grows_all_the_way_to_sixty_degrees_even_with_the_far_ear_on_the_outline() -> None:
    """A detector cannot see the far ear of a turned head: it puts it where the head ends, beside the far eye."""
    angles = np.arange(-60, 61, 5)
    for hidden in (False, True):
        found = []
        for angle in angles:
            points = seen(float(angle))
            if hidden:
                points[0, 5, 0] = max(points[0, 5, 0], points[0, 1, 0] + 3)
                points[0, 4, 0] = min(points[0, 4, 0], points[0, 0, 0] - 3)
            found.append(head_poses(points, SIDE)[0, 0])
        assert np.diff(found).min() > 0
        assert found[-1] > 50


def test_a_face_that_looks_at_the_camera_is_at_zero_wherever_it_is() -> None:
    for place in ((320, 180), (40, 40), (620, 300)):
        np.testing.assert_allclose(head_poses(seen(place=place), SIDE)[0, [0, 2]], 0, atol=0.1)


def test_what_is_no_face_has_no_pose_and_raises_nothing() -> None:
    behind = seen()[:, [1, 0, 2, 3, 5, 4]] * [1, -1]
    line = np.zeros((1, 6, 2))
    line[0, :, 0] = np.arange(6)
    odd = np.concatenate(
        [np.zeros((1, 6, 2)), np.full((1, 6, 2), np.nan), np.full((1, 6, 2), np.inf), np.full((1, 6, 2), 1e30)]
    )
    assert np.isnan(head_poses(odd, SIDE)).all()
    for points in (line, line * 1e9, behind, np.random.default_rng(0).normal(0, 50, (300, 6, 2))):
        poses = head_poses(points, SIDE)
        whole = np.isfinite(poses)
        assert (whole.all(axis=1) | ~whole.any(axis=1)).all()
        assert np.abs(poses[whole[:, 0], :2]).max(initial=0) <= 90
    assert head_poses(np.zeros((0, 6, 2)), SIDE).shape == (0, 3)
    both = head_poses(np.concatenate([odd[1:2], seen(20)]), SIDE)
    assert np.isnan(both[0]).all()
    np.testing.assert_array_equal(both[1], head_poses(seen(20), SIDE)[0])


def test_a_pose_takes_a_fraction_of_a_detection() -> None:
    faces = np.repeat(seen(10, 5, 3), 200, axis=0)
    began = time.thread_time()
    head_poses(faces, SIDE)
    assert (time.thread_time() - began) / 200 < 0.5e-3
