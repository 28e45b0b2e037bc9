"""What measurements on made scenes rest on: that the truth is true, and always the same."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.tracking.catalogue import CATALOGUE, scenes
from benchmarks.tracking.composition import Scene, SceneFrame, Shot
from benchmarks.tracking.contestants import FerBatch
from benchmarks.tracking.cutouts import Cutout, cast, overlap
from benchmarks.tracking.footage import SceneSource, write_scene
from benchmarks.tracking.motion import still
from benchmarks.tracking.photographs import LIBRARY_PICTURES, example_people, library_pictures

from fer_batch.detection.yunet import YuNet
from fer_batch.video.open import open_source


@pytest.fixture(scope="module")
def detector() -> Iterator[YuNet]:
    with closing(YuNet()) as detector:
        yield detector


@pytest.fixture(scope="module")
def people(detector: YuNet) -> list[Cutout]:
    return cast(example_people(), 2, detector.detect)


def scene(people: list[Cutout], name: str, fps: float = 10, seed: int = 0) -> Scene:
    (found,) = scenes(people, [name], [fps], seed)
    return found


def test_both_people_of_the_examples_can_play(people: list[Cutout]) -> None:
    assert {person.identity for person in people} == {"woman", "astronaut"}


@pytest.mark.parametrize("name", ["passing", "cut-same-place", "leaving", "shaken"])
def test_the_detector_finds_wholly_visible_faces_where_the_truth_says(
    name: str, people: list[Cutout], detector: YuNet
) -> None:
    expected, found = 0, 0
    for frame in islice(scene(people, name).frames(), 0, None, 4):
        boxes = detector.detect(frame.rgb).boxes
        for face in frame.faces:
            if face.visible >= 0.95:
                best = max((overlap(box, np.array(face.box)) for box in boxes), default=0.0)
                assert best == 0 or best >= 0.6
                expected, found = expected + 1, found + (best > 0)
    assert expected >= 8
    assert found >= 0.9 * expected


def test_the_same_seed_gives_the_same_frames_and_another_one_others(people: list[Cutout]) -> None:
    one, again, other = (scene(people, "crossing-speeds", seed=seed) for seed in (3, 3, 4))
    for first, second, third in islice(zip(one.frames(), again.frames(), other.frames(), strict=True), 0, None, 9):
        assert np.array_equal(first.rgb, second.rgb)
        assert first.faces == second.faces
        assert not np.array_equal(first.rgb, third.rgb)
        assert first.faces != third.faces


@pytest.mark.slow
def test_faces_are_at_the_same_places_at_every_frame_rate(people: list[Cutout]) -> None:
    slow = {frame.time_s: frame.faces for frame in scene(people, "cut-back", fps=10).frames()}
    fast = {frame.time_s: frame.faces for frame in scene(people, "cut-back", fps=60).frames()}
    assert len(fast) == 6 * len(slow) == 312
    common = slow.keys() & fast.keys()
    assert len(common) > 20
    assert all(slow[time_s] == fast[time_s] for time_s in common)


@pytest.mark.slow
def test_visibility_tells_how_much_of_a_face_is_hidden(people: list[Cutout]) -> None:
    """For a second and a half a board hides all of it; before and after nothing does."""
    frames = list(scene(people, "hidden-1.5", fps=25).frames())
    seen = np.array([frame.faces[0].visible for frame in frames])
    assert np.all(seen[:20] > 0.95)
    assert np.all(seen[-20:] > 0.95)
    assert (seen < 0.01).sum() / 25 == pytest.approx(1.5, abs=0.2)


def test_what_is_outside_the_picture_is_not_visible(people: list[Cutout]) -> None:
    for frame in scene(people, "leaving").frames():
        for face in frame.faces:
            left, _, width, _ = face.box
            inside = min(1.0, max(0.0, (left + width) / width))
            assert face.visible == pytest.approx(inside, abs=0.08)


def test_only_hard_cuts_are_cuts(people: list[Cutout]) -> None:
    assert scene(people, "cut-back").cuts == pytest.approx((1.3, 2.6, 3.9))
    assert scene(people, "dissolve").cuts == scene(people, "flash").cuts == ()


def test_faces_fade_with_a_dissolve_and_vanish_in_a_flash(people: list[Cutout]) -> None:
    first, second = zip(*(sorted(face.visible for face in frame.faces) for frame in _between(people)), strict=True)
    assert np.array(first) + np.array(second) == pytest.approx(np.ones(len(first)), abs=0.02)
    flashes = [frame for frame in scene(people, "flash", fps=25).frames() if frame.rgb.mean() > 245]
    assert 2 <= len(flashes) <= 6
    assert all(face.visible == 0 for frame in flashes for face in frame.faces)


def test_a_shaking_camera_moves_faces_and_truth_together(people: list[Cutout]) -> None:
    steady = scene(people, "flash", fps=25)
    shaken = replace(steady, shake=20.0)
    moved = [
        np.array(one.faces[0].box) - np.array(other.faces[0].box)
        for one, other in zip(steady.frames(), shaken.frames(), strict=True)
    ]
    assert np.ptp(np.array(moved)[:, 0]) > 8
    assert np.abs(np.array(moved)[:, 2:]).max() < 1e-6


@pytest.mark.slow
def test_empty_scenes_have_nobody() -> None:
    empty = scenes([], ["empty"], [10])
    assert len(empty) >= 20
    assert not any(frame.faces for one in empty[:2] for frame in islice(one.frames(), 5))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bottles", "buttons", "coins", "foliage", "metal"])
def test_no_face_is_found_where_there_is_nothing_but_detail(name: str) -> None:
    made = replace(scene([], f"detailed-{name}", fps=5), seconds=4.0)
    with FerBatch("auto") as pipeline:
        assert not any(len(frame.tracks) for frame in pipeline.follow(made).frames)


def test_the_camera_zooms_and_pans_over_a_picture() -> None:
    picture = np.zeros((900, 1600, 3), np.uint8)
    picture[400:500, 800:] = 255
    for x, height, left in ((800, 720, 320), (1000, 180, 0), (9999, 720, 240)):
        shot = Shot(picture, (), camera=still(x, 450, height))
        (frame,) = Scene("", "", (640, 360), 1.0, 1.0, (shot,)).frames()
        bright = frame.rgb.mean(2) > 128
        rows = np.flatnonzero(bright.any(1))
        assert len(rows) == pytest.approx(100 * 360 / height, abs=2)
        assert np.flatnonzero(bright.any(0))[0] == pytest.approx(left, abs=1)


@pytest.mark.slow
def test_scenes_for_which_people_are_missing_are_left_out(people: list[Cutout]) -> None:
    names = {one.name.split("@")[0] for one in scenes(people, rates=[10])}
    absent = {f"photo-{name}" for name in set(LIBRARY_PICTURES) - set(library_pictures())}
    assert {entry.name for entry in CATALOGUE} - names == {"crowd"} | absent
    with pytest.raises(ValueError, match="no scene nonsense"):
        scenes(people, ["nonsense"])


def test_a_written_scene_has_the_frames_and_the_truth_of_the_scene(people: list[Cutout], tmp_path: Path) -> None:
    made = replace(scene(people, "passing", fps=25), seconds=1.0)
    truth = write_scene(made, tmp_path / "scene.mp4")
    with SceneSource(made) as source:
        drawn = [(frame.time_s, frame.rgb()) for frame in source.frames()]
    assert source.truth == truth
    with open_source(tmp_path / "scene.mp4") as recording:
        read = [(frame.time_s, frame.rgb()) for frame in recording.frames()]
    assert [time_s for time_s, _ in read] == pytest.approx([time_s for time_s, _ in drawn], abs=0.001)
    assert len(read) == 25
    assert max(np.abs(a.astype(int) - b).mean() for (_, a), (_, b) in zip(read, drawn, strict=True)) < 6
    with (tmp_path / "scene.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["frame"]), row["identity"]) for row in rows] == [
        (index, face.identity) for index, faces in enumerate(truth) for face in faces
    ]
    assert float(rows[0]["x"]) == pytest.approx(truth[0][0].box[0], abs=0.01)


def _between(people: list[Cutout]) -> Iterator[SceneFrame]:
    return (frame for frame in scene(people, "dissolve").frames() if 1.6 <= frame.time_s <= 2.4)
