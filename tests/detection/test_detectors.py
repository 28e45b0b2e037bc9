"""What every face detector keeps to, whichever network is behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from benchmarks.tracking.photographs import Picture, example_frame
from helpers.paths import ASTRONAUT
from helpers.people import picture
from numpy.typing import NDArray

from fer_batch.detection.base import FaceDetector
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.detection.yunet import YuNet
from fer_batch.faces.boxes import overlaps
from fer_batch.types import KEYPOINTS

DETECTORS: list[type[YuNet] | type[MediaPipeDetector]] = [YuNet, MediaPipeDetector]


@pytest.fixture(scope="module", params=DETECTORS, ids=lambda kind: kind.__name__)
def detector(request: pytest.FixtureRequest) -> Iterator[FaceDetector]:
    with request.param() as opened:
        yield opened


@pytest.fixture(scope="module")
def astronaut() -> Picture:
    return picture(ASTRONAUT)


@pytest.fixture(scope="module")
def pictures(astronaut: Picture) -> list[Picture]:
    """The woman of the example in tears and laughing, and the astronaut."""
    return [example_frame(1), example_frame(14), astronaut]


@pytest.fixture(scope="module")
def pair(astronaut: Picture) -> Picture:
    """The astronaut beside herself, blurred."""
    near = astronaut[10:270, 95:355]
    return np.hstack([near, np.asarray(cv2.GaussianBlur(near, (0, 0), 5), np.uint8)])


def eye_distance(points: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


def test_each_person_is_found_once_with_keypoints_in_the_box(detector: FaceDetector, pictures: list[Picture]) -> None:
    for rgb in pictures:
        faces = detector.detect(rgb)
        assert len(faces) == 1
        assert 0.6 < faces.scores[0] <= 1
        assert faces.tracks.tolist() == [0]
        assert faces.boxes.dtype == faces.keypoints.dtype == faces.scores.dtype == np.float32
        assert faces.keypoints.shape == (1, KEYPOINTS, 2)
        x, y, width, height = faces.boxes[0].tolist()
        right_eye, left_eye, nose, mouth, right_ear, left_ear = faces.keypoints[0].tolist()
        for along, down in (right_eye, left_eye, nose, mouth):
            assert x < along < x + width
            assert y < down < y + height
        # Their own right side is at the left as seen.
        assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
        assert right_eye[0] < mouth[0] < left_eye[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < mouth[1]


def test_all_detectors_see_the_same_places(pictures: list[Picture]) -> None:
    """Eyes, nose and mouth within a seventh of the eyes' distance in the mean; YuNet sees no ears."""
    with YuNet() as one, MediaPipeDetector() as other:
        for rgb in pictures:
            here, there = one.detect(rgb), other.detect(rgb)
            apart = np.linalg.norm(here.keypoints[0, :4] - there.keypoints[0, :4], axis=1)
            assert apart.mean() < eye_distance(here.keypoints[0]) / 7
            assert overlaps(here.boxes, there.boxes)[0, 0] > 0.75


def test_faces_come_by_score_with_the_best_first(detector: FaceDetector, pair: Picture) -> None:
    faces = detector.detect(pair)
    assert len(faces) == 2
    assert faces.scores[0] > faces.scores[1]
    swapped = detector.detect(np.hstack([pair[:, 260:], pair[:, :260]]))
    assert len(swapped) == 2
    assert swapped.scores[0] > swapped.scores[1]
    assert faces.boxes[0, 0] < 260 < swapped.boxes[0, 0]


def test_scores_below_the_minimum_are_dropped(pair: Picture) -> None:
    for kind in DETECTORS:
        with kind() as any_score:
            scores = any_score.detect(pair).scores
        with kind(float(scores.mean())) as higher:
            assert higher.detect(pair).scores.tolist() == scores[:1].tolist()


@pytest.mark.parametrize("size", [(360, 640), (512, 512), (31, 17), (1, 1)])
def test_a_flat_picture_has_no_faces(detector: FaceDetector, size: tuple[int, int]) -> None:
    for gray in (0, 128, 255):
        assert len(detector.detect(np.full((*size, 3), gray, np.uint8))) == 0


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_positions_scale_with_the_picture(detector: FaceDetector, pictures: list[Picture], factor: float) -> None:
    for rgb in pictures:
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        resized = np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=method), np.uint8)
        faces, found = detector.detect(rgb), detector.detect(resized)
        again = found[np.arange(1)].scaled(rgb.shape[1] / resized.shape[1], rgb.shape[0] / resized.shape[0])
        apart = np.linalg.norm(again.keypoints[0] - faces.keypoints[0], axis=1)
        assert apart.mean() < eye_distance(faces.keypoints[0]) / 8
        assert overlaps(again.boxes, faces.boxes)[0, 0] > 0.85


def test_a_picture_is_seen_the_same_after_one_of_another_size(detector: FaceDetector, pictures: list[Picture]) -> None:
    before = [detector.detect(rgb) for rgb in pictures]
    detector.detect(np.zeros((33, 900, 3), np.uint8))
    # A view of a larger picture, whose rows are not one after another in memory.
    wide = [np.hstack([rgb, rgb])[:, : rgb.shape[1]] for rgb in pictures]
    for one, rgb in zip(reversed(before), reversed(wide), strict=True):
        other = detector.detect(rgb)
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_pictures_in_a_batch_are_seen_as_they_are_alone(astronaut: Picture) -> None:
    """Known faces are looked at together; none may depend on its neighbours."""
    crops = [astronaut[40:200, 140:300], astronaut[200:360, 140:300], astronaut[60:220, 160:320]]
    with YuNet() as detector:
        together = detector.detect_batch(np.stack(crops))
        assert [len(faces) for faces in together] == [1, 0, 1]
        for crop, faces in zip(crops, together, strict=True):
            alone = detector.detect(crop)
            np.testing.assert_allclose(faces.boxes, alone.boxes, atol=1e-3)
            np.testing.assert_allclose(faces.keypoints, alone.keypoints, atol=1e-3)


@pytest.mark.parametrize("kind", DETECTORS)
def test_what_is_closed_stays_closed_and_another_one_can_be_opened(
    kind: Callable[[], YuNet | MediaPipeDetector], astronaut: Picture
) -> None:
    with kind() as first:
        boxes = first.detect(astronaut).boxes
    first.close()
    with kind() as second:
        np.testing.assert_array_equal(second.detect(astronaut).boxes, boxes)
