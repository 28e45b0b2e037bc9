"""Smooth boxes and keypoints: still when the face is, in time when it moves, and of nobody else's making."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.tracking.catalogue import scenes
from benchmarks.tracking.cutouts import Cutout, cast
from benchmarks.tracking.footage import write_scene
from benchmarks.tracking.photographs import example_people
from benchmarks.tracking.steadiness import Observer, still_recording
from numpy.typing import NDArray

from fer_batch.detection.yunet import YuNet
from fer_batch.tracking.smoothing import OneEuroSmoother
from fer_batch.types import Faces

Points = NDArray[np.float64]
Way = Callable[[float], tuple[float, float, float]]
"""Centre x, y and width of a face's box at a time."""

SHAPE = np.array([(-0.22, -0.18), (0.22, -0.18), (0, 0.05), (0, 0.22), (-0.5, -0.1), (0.5, -0.1)])
"""Keypoints of a face in widths of its box, from its centre."""


def face(place: tuple[float, float, float], track: int = 1, noise: NDArray[np.float64] | None = None) -> Faces:
    """A face as it is detected, its box in whole pixels; ``noise`` (8, 2) in widths for box corner, size and points."""
    x, y, width = place
    off = np.zeros((8, 2)) if noise is None else noise * width
    side = width + off[1, 0]
    box = np.rint([x + off[0, 0] - side / 2, y + off[0, 1] - side / 2, side, side])
    points = SHAPE * width + (x, y) + off[2:]
    return Faces(
        np.array([box], np.float32),
        np.array([points], np.float32),
        np.ones(1, np.float32),
        np.array([track], np.int32),
    )


def together(*several: Faces) -> Faces:
    names = ("boxes", "keypoints", "scores", "tracks", "interpolated")
    return Faces(*(np.concatenate([getattr(one, name) for one in several]) for name in names))


def follow(way: Way, fps: float, seconds: float, noise: float = 0.0) -> tuple[Points, Points, Points]:
    """Centre x, y and width (frames, 3) of the truth, the detected and the smoothed boxes."""
    rng, steadier, rows = np.random.default_rng(2), OneEuroSmoother(), []
    for frame in range(round(seconds * fps)):
        place = way(frame / fps)
        detected = face(place, noise=rng.normal(0, noise, (8, 2)))
        rows.append([place, _place(detected), _place(steadier.update(frame / fps, detected))])
    truth, detections, smooth = np.array(rows).transpose(1, 0, 2)
    return truth, detections, smooth


def _place(faces: Faces) -> tuple[float, float, float]:
    x, y, width, height = faces.boxes[0].tolist()
    return x + width / 2, y + height / 2, width


def tremble(places: Points) -> float:
    return float(np.abs(np.diff(places, axis=0)).mean())


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with YuNet() as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.fixture(scope="module")
def observer() -> Iterator[Observer]:
    with closing(Observer()) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize(("fps", "share"), [(10, 0.65), (25, 0.45)])
def test_a_still_face_in_noisy_compressed_video_moves_far_less(
    fps: float, share: float, people: list[Cutout], observer: Observer, tmp_path: Path
) -> None:
    """Centre and size of the box, and the eyes that the face is registered by."""
    still_recording(people[1], fps, tmp_path / "still.mp4")
    detected, smooth = (version.tremble()[:3] for version in observer.versions(tmp_path / "still.mp4"))
    assert detected.min() > 0.1
    assert (smooth < share * detected).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fps"), [("crossing-speeds", 25), ("scale", 10)])
def test_boxes_of_moving_faces_are_no_farther_from_the_truth(
    name: str, fps: float, people: list[Cutout], observer: Observer, tmp_path: Path
) -> None:
    (scene,) = scenes(people, [name], [fps])
    detected, smooth = observer.versions(tmp_path / "scene.mp4", write_scene(scene, tmp_path / "scene.mp4"))
    assert len(smooth.overlaps) == len(detected.overlaps) > 20
    assert np.mean(smooth.overlaps) > np.mean(detected.overlaps) - 0.001


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_face_at_a_steady_speed_stays_behind_by_two_percent_at_most(fps: float) -> None:
    """From rest, over the picture in two seconds; only while it starts a little more."""
    truth, _, smooth = follow(lambda t: (100 + 250 * max(0.0, t - 1), 200, 100), fps, 3)
    behind = (truth - smooth)[:, 0] / 100
    assert behind.max() < 0.08
    assert np.abs(behind[round(2 * fps) :]).max() < 0.025
    truth, _, smooth = follow(lambda t: (200, 200, 60 * 2**t), fps, 2)
    assert np.abs(smooth[:, 2] / truth[:, 2] - 1)[fps:].max() < 0.03


def test_frame_rate_does_not_change_how_smooth_a_movement_is() -> None:
    """With the same tremble a second, what is left a second is about the same."""
    left = []
    for fps in (10, 60):
        _, detected, smooth = follow(lambda _: (200, 200, 100), fps, 20, noise=0.01)
        assert tremble(smooth) < 0.6 * tremble(detected)
        left.append(float(smooth[2 * fps :].std(axis=0).mean()))
    assert left[1] < left[0]


def test_resolution_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (60, 8, 2))
    small, large = OneEuroSmoother(), OneEuroSmoother()
    for frame in range(60):
        # Large enough for rounding not to matter.
        one = small.update(frame / 25, face((4000 + 30 * frame, 5000, 2000), noise=noise[frame]))
        two = large.update(frame / 25, face((8000 + 60 * frame, 10000, 4000), noise=noise[frame]))
        np.testing.assert_allclose(two.keypoints, 2 * one.keypoints, rtol=1e-5)
        np.testing.assert_allclose(two.boxes, 2 * one.boxes, rtol=1e-3)


def test_the_first_sight_of_a_face_is_left_exactly_as_it_is() -> None:
    """As in a photo; and again when it was away for more than a second."""
    steadier, rng = OneEuroSmoother(), np.random.default_rng(4)
    for time_s, changed in ((0.0, False), (0.1, True), (0.2, True), (1.1, True), (2.2, False), (2.3, True), (9, False)):
        detected = face((200 + 9 * time_s, 200, 100), noise=rng.normal(0, 0.02, (8, 2)))
        before = detected.boxes.copy(), detected.keypoints.copy()
        smooth = steadier.update(time_s, detected)
        assert (not np.array_equal(smooth.boxes, before[0])) == changed
        assert (not np.array_equal(smooth.keypoints, before[1])) == changed
        # What was given is never written to.
        np.testing.assert_array_equal(detected.boxes, before[0])
        np.testing.assert_array_equal(detected.keypoints, before[1])


def test_a_face_is_smoothed_the_same_in_any_company() -> None:
    rng = np.random.default_rng(6)
    alone, crowd = OneEuroSmoother(), OneEuroSmoother()
    for frame in range(50):
        mine = face((300, 200, 90), track=7, noise=rng.normal(0, 0.01, (8, 2)))
        others = [face((40.0 * i, 99, 60), i, rng.normal(0, 0.05, (8, 2))) for i in rng.permutation(6)[:4] + 1]
        several: Sequence[Faces] = [*others, mine] if frame % 2 else [mine, *others]
        one, many = alone.update(frame / 25, mine), crowd.update(frame / 25, together(*several))
        row = many.tracks.tolist().index(7)
        np.testing.assert_array_equal(many.boxes[row], one.boxes[0])
        np.testing.assert_array_equal(many.keypoints[row], one.keypoints[0])


def test_nothing_else_of_a_face_changes_and_odd_ones_do_no_harm() -> None:
    steadier = OneEuroSmoother()
    for frame in range(3):
        given = together(face((100, 100, 50), 2), face((300, 100, 50), 0))
        given = replace(given, scores=np.array([0.7, 0.6], np.float32), interpolated=np.array([True, False]))
        smooth = steadier.update(frame / 25, given)
        for name in ("scores", "tracks", "interpolated"):
            np.testing.assert_array_equal(getattr(smooth, name), getattr(given, name))
        assert smooth.boxes.dtype == smooth.keypoints.dtype == np.float32
    assert len(steadier.update(0.2, Faces.none())) == 0
    point = face((0, 0, 0))
    for time_s in (0.3, 0.3, 0.4):
        smooth = steadier.update(time_s, point)
        assert np.isfinite(smooth.boxes).all()
        assert np.isfinite(smooth.keypoints).all()


def test_the_past_of_faces_that_are_gone_is_forgotten() -> None:
    """Ten thousand passers-by, each for one frame: the last frames take no longer than the first."""
    steadier, spent = OneEuroSmoother(), []
    for track in range(1, 10_001):
        began = time.thread_time()
        steadier.update(track / 25, face((100, 100, 50), track))
        spent.append(time.thread_time() - began)
    assert np.median(spent[-500:]) < 2 * np.median(spent[100:600])
