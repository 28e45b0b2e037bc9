"""Small faces are found, each once, and textures are not; looking closely follows the schedule, not the clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import av
import numpy as np
import pytest
from clips import EXAMPLE
from numpy.typing import NDArray
from scenes.backgrounds import PLACES, TEXTURES, background
from scenes.cutouts import Cutout, cast, draw
from scenes.photographs import Picture, example_people

from fer_batch.faces.association import overlaps
from fer_batch.faces.covering import covering
from fer_batch.faces.detector import MediaPipeDetector
from fer_batch.faces.kinds import Detector
from fer_batch.faces.locator import FaceLocator
from fer_batch.faces.schedule import Schedule
from fer_batch.faces.tiles import Square, tiles
from fer_batch.types import Faces
from fer_batch.video.frame import Display, Frame
from fer_batch.video.opening import open_source

HD = (1920, 1080)


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with MediaPipeDetector(Detector.short) as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.fixture(scope="module")
def auto() -> Iterator[FaceLocator]:
    with FaceLocator(Detector.auto) as locator:
        yield locator


def frame(picture: Picture, time_s: float = 0.0) -> Frame:
    height, width = picture.shape[:2]
    return Frame(0, time_s, av.VideoFrame.from_ndarray(picture, format="rgb24"), Display(width, height))


def group(people: list[Cutout], size: tuple[int, int], heights: Sequence[float]) -> tuple[Picture, NDArray[np.float64]]:
    """A picture with faces side by side, and their boxes."""
    rng = np.random.default_rng(4)
    picture = background("wood", size, rng).copy()
    boxes = []
    for number, height in enumerate(heights):
        person = people[number % len(people)]
        x = size[0] * (number + 0.5) / len(heights)
        y = size[1] * float(rng.uniform(0.2, 0.8))
        draw(picture, person, x, y, height)
        width = height * person.box[2] / person.box[3]
        boxes.append((x - width / 2, y - height / 2, width, height))
    return picture, np.array(boxes)


@pytest.mark.parametrize("size", [(640, 360), HD])
def test_a_photo_shows_faces_24_to_120_pixels_high_each_once(
    size: tuple[int, int], people: list[Cutout], auto: FaceLocator
) -> None:
    picture, truth = group(people, size, [24, 27, 31, 36, 42, 60, 90, 120][: size[0] // 100])
    auto.begin()
    found = auto.locate(frame(picture))
    table = overlaps(truth, found.boxes)
    assert (table >= 0.5).sum() >= 0.9 * len(truth)
    assert len(found) == (table >= 0.5).sum()


def test_a_face_on_the_border_of_tiles_is_one_face_in_its_place(people: list[Cutout], auto: FaceLocator) -> None:
    ground = background("studio", (1280, 720), np.random.default_rng(0))
    person = people[0]
    for x in range(140, 560, 22):
        picture = ground.copy()
        draw(picture, person, x, 250, 44)
        auto.begin()
        found = auto.locate(frame(picture))
        near = np.linalg.norm(found.boxes[:, :2] + found.boxes[:, 2:] / 2 - (x, 250), axis=1) < 44
        assert near.sum() == 1, f"{near.sum()} faces at {x}"
        assert found.boxes[near][0, 3] == pytest.approx(44, rel=0.25)


def test_an_expected_face_is_followed_between_looks_and_its_box_stays_the_same(
    people: list[Cutout], auto: FaceLocator
) -> None:
    """A face comes nearer: first only close pictures show it, in the end the small picture of the frame does."""
    ground = background("studio", (640, 360), np.random.default_rng(0))
    expected, ratios = np.zeros((0, 4), np.float32), []
    auto.begin()
    for index, height in enumerate(np.geomspace(30, 220, 40)):
        picture = ground.copy()
        draw(picture, people[0], 320, 180, float(height))
        found = auto.locate(frame(picture, index / 25), expected)
        assert len(found) == 1
        expected = found.boxes
        ratios.append(found.boxes[0, 3] / height)
    assert max(abs(b / a - 1) for a, b in pairwise(ratios)) < 0.15
    assert max(ratios) / min(ratios) < 1.3


@pytest.mark.parametrize("kind", list(Detector))
def test_textures_and_places_are_no_faces(kind: Detector) -> None:
    with FaceLocator(kind) as locator:
        for name in (*TEXTURES, *PLACES):
            for seed in range(2):
                locator.begin()
                found = locator.locate(frame(background(name, (640, 360), np.random.default_rng(seed))))
                assert not len(found), f"{name}, seed {seed}: {found.boxes}"


def test_the_same_frames_give_the_same_faces_on_any_number_of_threads(people: list[Cutout], auto: FaceLocator) -> None:
    picture, _ = group(people, (640, 360), [26, 34, 48])

    def faces(locator: FaceLocator) -> list[Faces]:
        locator.begin()
        expected, found = np.zeros((0, 4), np.float32), []
        for index in range(20):
            moved = np.roll(picture, 2 * index, axis=1)
            found.append(locator.locate(frame(moved, index / 10), expected))
            expected = found[-1].boxes
        return found

    with FaceLocator(Detector.auto, threads=3) as several:
        found = faces(several)
    assert all(len(each) == 3 for each in found)
    for again in (faces(auto), faces(auto)):
        for one, other in zip(found, again, strict=True):
            assert np.array_equal(one.boxes, other.boxes)
            assert np.array_equal(one.keypoints, other.keypoints)


def test_a_recording_of_one_near_face_is_looked_at_closely_ever_more_rarely(
    auto: FaceLocator, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    tiles_of = Schedule.tiles

    def noted(self: Schedule, time_s: float, size: tuple[int, int], new_shot: bool) -> object:
        squares = tiles_of(self, time_s, size, new_shot)
        if squares:
            looks.append(time_s)
        return squares

    monkeypatch.setattr(Schedule, "tiles", noted)
    auto.begin()
    expected = np.zeros((0, 4), np.float32)
    with open_source(EXAMPLE) as recording:
        for one in recording.frames():
            expected = auto.locate(one, expected).boxes
            assert len(expected) == 1
    assert np.diff(looks) == pytest.approx([0.5, 1.5, 4.5, 8], abs=0.05)


def test_after_a_cut_the_whole_frame_is_looked_at_again(people: list[Cutout], auto: FaceLocator) -> None:
    empty = background("wood", (640, 360), np.random.default_rng(0))
    picture, truth = group(people, (640, 360), [26, 34, 48])
    auto.begin()
    for index in range(20):
        assert not len(auto.locate(frame(empty, index / 25)))
    assert not len(auto.locate(frame(picture, 0.8)))
    found = auto.locate(frame(picture, 0.84), new_shot=True)
    assert len(found) == (overlaps(truth, found.boxes) >= 0.5).sum() == 3


def test_a_look_at_4k_is_spread_over_frames_and_shows_every_tile() -> None:
    schedule = Schedule()
    size = (3840, 2160)
    first = schedule.tiles(0, size, False)
    assert set(first) == set(tiles(*size, 192))
    schedule.looked(0, False)
    shown: list[Square] = []
    for index in range(1, 30):
        now = schedule.tiles(index / 25, size, False)
        assert len(now) <= 24
        shown += now
        if now:
            schedule.looked(index / 25, False)
    assert len(shown) == len(set(shown))
    assert set(shown) == set(tiles(*size, 240))
    assert len(tiles(12_000, 9000, 192)) < 700


def test_every_expected_face_is_in_one_close_picture_and_large_in_it() -> None:
    rng = np.random.default_rng(0)
    boxes = np.hstack([rng.uniform(0, 1800, (30, 2)), np.repeat(rng.uniform(24, 60, (30, 1)), 2, 1)])
    rows = [(x, y, 40.0, 40.0) for x in range(0, 400, 70) for y in range(0, 350, 70)]
    for places, most in ((boxes, 30), (np.array(rows), 10)):
        squares = covering(places.astype(np.float32))
        assert sorted(place for _, members in squares for place in members) == list(range(len(places)))
        assert len(squares) <= most
        for square, members in squares:
            for x, y, width, height in places[members]:
                assert square.x <= x
                assert square.y <= y
                assert x + width <= square.x + square.side
                assert y + height <= square.y + square.side
                assert height >= 0.24 * square.side
