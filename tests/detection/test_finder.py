"""Small faces are found, each once, and textures are not; searches follow the schedule, not the clock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest
from benchmarks.tracking.backgrounds import PLACES, TEXTURES, background
from benchmarks.tracking.cutouts import Cutout, draw
from benchmarks.tracking.photographs import Picture
from helpers.detection_samples import frame, group, heads
from helpers.paths import ASTRONAUT, EXAMPLE
from helpers.people import picture as picture_of

from fer_batch.config import Detector
from fer_batch.detection.finder import FaceFinder
from fer_batch.faces.boxes import overlaps
from fer_batch.pipeline.checkpoint.state import pack, unpack
from fer_batch.types import Faces
from fer_batch.video.open import open_source

HD = (1920, 1080)
SMALL = (640, 360)
NOBODY = np.zeros((0, 4), np.float32)


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    return heads()


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder(Detector.auto) as opened:
        yield opened


@pytest.fixture(name="begun")
def at_the_begin_of_a_recording(finder: FaceFinder) -> FaceFinder:
    finder.begin()
    return finder


def empty(size: tuple[int, int] = SMALL) -> Picture:
    return background("wood", size, np.random.default_rng(0)).copy()


def last_search(finder: FaceFinder) -> float:
    schedule = finder.get_state()
    return schedule.last_s


@pytest.mark.parametrize(("size", "heights"), [(SMALL, [28, 31, 36, 42, 60]), (HD, [50, 54, 60, 80, 100, 150, 200])])
def test_a_photo_shows_small_and_large_faces_each_once(
    size: tuple[int, int], heights: list[float], people: list[Cutout], begun: FaceFinder
) -> None:
    picture, truth = group(people, size, heights)
    found = begun.find(frame(picture))
    assert ((overlaps(truth, found.boxes) >= 0.5).sum(1) == 1).all()
    assert len(found) == len(truth)
    assert (np.diff(found.scores) <= 0).all()


def test_a_photograph_of_somebody_24_pixels_high_is_found_anywhere(finder: FaceFinder) -> None:
    whole = picture_of(ASTRONAUT)
    small = cv2.resize(whole, None, fx=24 / 111, fy=24 / 111, interpolation=cv2.INTER_AREA)
    for x, y in ((0, 0), (523, 240), (101, 77), (262, 133), (399, 201)):
        ground = empty()
        ground[y : y + small.shape[0], x : x + small.shape[1]] = small
        (box,) = finder.find_confirmed(frame(ground)).boxes
        assert box[3] == pytest.approx(24, rel=0.15)


def test_faces_lower_than_wanted_are_left_out_and_low_ones_that_are_wanted_are_searched_for(
    people: list[Cutout], begun: FaceFinder
) -> None:
    picture, truth = group(people, HD, [20, 22, 60, 100])
    assert len(begun.find(frame(picture))) == 2
    with FaceFinder(Detector.auto, minimum_face=16) as fine:
        assert (overlaps(truth, fine.find(frame(picture)).boxes) >= 0.5).sum() == 4
    picture, truth = group(people, SMALL, [95, 130, 170])
    for kind in (Detector.auto, Detector.mediapipe):
        with FaceFinder(kind, minimum_face=112) as coarse:
            found = coarse.find(frame(picture))
            assert (overlaps(truth, found.boxes) >= 0.5).sum(1).tolist() == [0, 1, 1]
    # One that is known already goes on when it becomes smaller.
    with FaceFinder(Detector.auto, minimum_face=112) as coarse:
        assert len(coarse.find(frame(picture), truth[:1].astype(np.float32))) == 3


@pytest.mark.parametrize("entered_s", [0.3, 1.0, 3.0, 6.0])
def test_somebody_far_away_who_enters_is_found_within_the_schedule(
    entered_s: float, people: list[Cutout], begun: FaceFinder
) -> None:
    """The small picture of a frame does not show the face. Searches are as far apart as the recording is old, by and
    large, and never more than eight seconds.
    """
    ground = empty()
    for index in range(400):
        time_s = index / 25
        picture = ground.copy()
        if time_s >= entered_s:
            draw(picture, people[0], 320, 180, 26)
        if len(begun.find(frame(picture, time_s))):
            break
    assert entered_s <= time_s <= entered_s + min(8.0, 1.6 * entered_s + 0.5)


def test_a_known_small_face_is_followed_between_searches(people: list[Cutout], begun: FaceFinder) -> None:
    """A face comes nearer: first only its surroundings show it, in the end the small picture of the frame does."""
    ground = background("studio", SMALL, np.random.default_rng(0))
    expected, ratios = NOBODY, []
    for index, height in enumerate(np.geomspace(30, 220, 40)):
        picture = ground.copy()
        draw(picture, people[0], 320, 180, float(height))
        found = begun.find(frame(picture, index / 25), expected)
        assert len(found) == 1
        expected = found.boxes
        ratios.append(found.boxes[0, 3] / height)
    assert max(abs(b / a - 1) for a, b in pairwise(ratios)) < 0.15
    assert max(ratios) / min(ratios) < 1.3


def test_a_crowd_of_known_small_faces_is_followed_in_turns(people: list[Cutout], begun: FaceFinder) -> None:
    """More than are looked at closely in one frame: each is in every second one."""
    picture = empty((1280, 720))
    truth = []
    for number in range(40):
        x, y = 60 + 128 * (number % 10), 100 + 170 * (number // 10)
        draw(picture, people[number % 2], x, y, 44)
        truth.append((x - 17, y - 22, 34, 44))
    begun.find(frame(picture))
    known = np.array(truth, np.float32)
    seen = np.zeros(40, int)
    for index in range(1, 5):
        seen += (overlaps(known, begun.find(frame(picture, index / 25), known).boxes) >= 0.4).any(1)
    assert (seen >= 2).sum() >= 38


@pytest.mark.slow
def test_searches_become_rarer_while_nothing_new_is_found(begun: FaceFinder) -> None:
    searches = []
    still = empty()
    for index in range(25 * 30):
        begun.find(frame(still, index / 25))
        if last_search(begun) == index / 25:
            searches.append(index / 25)
    assert np.diff(searches) == pytest.approx([0.5, 1.25, 3.125, 7.8125, 8.0, 8.0], abs=0.05)


@pytest.mark.slow
def test_a_recording_of_one_near_face_is_searched_now_and_then(begun: FaceFinder) -> None:
    searches, expected = [], NOBODY
    with open_source(EXAMPLE) as recording:
        for one in recording.frames():
            expected = begun.find(one, expected).boxes
            assert len(expected) == 1
            if last_search(begun) == one.time_s:
                searches.append(one.time_s)
    assert searches[0] == 0
    assert 4 <= len(searches) <= 10


def test_a_lost_face_asks_for_a_search(people: list[Cutout], begun: FaceFinder) -> None:
    """Somebody far away is expected where they were, and is elsewhere."""
    ground = empty()
    expected = NOBODY
    for index in range(100):
        picture = ground.copy()
        draw(picture, people[0], 200, 180, 30)
        expected = begun.find(frame(picture, index / 25), expected).boxes
        assert len(expected) == 1
    assert last_search(begun) < 2.5
    moved = ground.copy()
    draw(moved, people[0], 480, 120, 30)
    found = [len(begun.find(frame(moved, 4 + index / 25), expected)) for index in range(2)]
    assert found == [0, 1]


def test_much_motion_asks_for_a_search_within_two_seconds(people: list[Cutout], begun: FaceFinder) -> None:
    dark = empty() // np.uint8(4)
    for index in range(150):
        begun.find(frame(dark, index / 25))
    before = last_search(begun)
    light = empty()
    draw(light, people[0], 320, 180, 30)
    assert 6.0 - before < 2
    found_s = next(6 + n / 25 for n in range(100) if len(begun.find(frame(light, 6 + n / 25))))
    assert found_s - before == pytest.approx(7.8125 / 4, abs=0.05)


def test_after_a_cut_the_whole_frame_is_searched_again(people: list[Cutout], begun: FaceFinder) -> None:
    picture, truth = group(people, SMALL, [26, 34, 48])
    for index in range(20):
        assert not len(begun.find(frame(empty(), index / 25)))
    assert len(begun.find(frame(picture, 0.8))) < 3
    found = begun.find(frame(picture, 0.84), new_shot=True)
    assert len(found) == (overlaps(truth, found.boxes) >= 0.5).sum() == 3


def test_weak_detections_are_given_where_a_face_is_expected(people: list[Cutout]) -> None:
    picture, truth = group(people, SMALL, [40, 60, 150])
    with FaceFinder(Detector.auto, minimum_score=0.99) as strict:
        assert not len(strict.find(frame(picture)))
        assert len(strict.find(frame(picture, 0.1), truth[1:2].astype(np.float32))) == 1


@pytest.mark.parametrize("kind", [Detector.auto, Detector.mediapipe])
def test_textures_and_places_are_no_faces(kind: Detector) -> None:
    with FaceFinder(kind) as finder:
        for name in (*TEXTURES, *PLACES):
            for seed in range(2):
                found = finder.find_confirmed(frame(background(name, SMALL, np.random.default_rng(seed))))
                assert not len(found), f"{name}, seed {seed}: {found.boxes}"


def followed(finder: FaceFinder, picture: Picture, first: int, last: int, expected: Faces | None = None) -> list[Faces]:
    """The faces in some frames of a picture that moves to the right."""
    found = [] if expected is None else [expected]
    for index in range(first, last):
        moved = np.roll(picture, 2 * index, axis=1)
        found.append(finder.find(frame(moved, index / 10), found[-1].boxes if found else NOBODY))
    return found if expected is None else found[1:]


def the_same(some: list[Faces], others: list[Faces]) -> bool:
    return all(
        np.array_equal(one.boxes, other.boxes)
        and np.array_equal(one.keypoints, other.keypoints)
        and np.array_equal(one.scores, other.scores)
        for one, other in zip(some, others, strict=True)
    )


@pytest.mark.slow
def test_the_state_is_handed_on_with_equal_results(people: list[Cutout], finder: FaceFinder) -> None:
    picture, _ = group(people, SMALL, [26, 34, 48])
    finder.begin()
    whole = followed(finder, picture, 0, 30)
    assert all(len(faces) == 3 for faces in whole)
    finder.begin()
    assert the_same(followed(finder, picture, 0, 30), whole)
    for stop in (3, 5, 17):
        finder.begin()
        followed(finder, picture, 0, stop)
        with FaceFinder(Detector.auto) as other:
            other.set_state(unpack(pack(finder.get_state())))
            assert the_same(followed(other, picture, stop, 30, whole[stop - 1]), whole[stop:])
            assert last_search(other) > stop / 10


@pytest.mark.parametrize("kind", [Detector.auto, Detector.mediapipe])
@pytest.mark.parametrize("size", [(1, 1), (2, 3000), (3000, 2), (17, 31)], ids=str)
def test_strips_and_tiny_pictures_have_no_faces(kind: Detector, size: tuple[int, int]) -> None:
    width, height = size
    with FaceFinder(kind) as finder:
        strip = frame(np.full((height, width, 3), 128, np.uint8))
        assert not len(finder.find_confirmed(strip))
        assert not len(finder.find(strip, np.array([[0, 0, 5, 5], [-40, -40, 1, 1]], np.float32)))


@pytest.mark.parametrize("size", [(641, 359), (359, 641), (1280, 121)], ids=str)
def test_faces_in_pictures_of_odd_sizes_are_in_their_places(
    size: tuple[int, int], people: list[Cutout], finder: FaceFinder
) -> None:
    for height in (30, 90):
        picture = background("studio", size, np.random.default_rng(0)).copy()
        x, y = 0.7 * size[0], 0.5 * size[1]
        draw(picture, people[0], x, y, height)
        width = height * people[0].box[2] / people[0].box[3]
        truth = np.array([[x - width / 2, y - height / 2, width, height]])
        (box,) = finder.find_confirmed(frame(picture)).boxes
        assert overlaps(truth, box[None])[0, 0] > 0.7
