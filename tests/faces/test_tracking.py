"""Who is who from frame to frame, told by place and movement alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fer_batch.faces.tracker import Tracker
from fer_batch.types import KEYPOINTS, Faces

Place = tuple[float, float, float]
"""Centre x, y and side of a square box."""
Path = Callable[[float], Place | None]
"""Where a face is at a time; None while it is not seen."""


def faces(places: Sequence[Place]) -> Faces:
    boxes = np.array([(x - side / 2, y - side / 2, side, side) for x, y, side in places], np.float32).reshape(-1, 4)
    count = len(boxes)
    return Faces(
        boxes, np.zeros((count, KEYPOINTS, 2), np.float32), np.full(count, 0.9, np.float32), np.zeros(count, np.int32)
    )


def follow(paths: Sequence[Path], seconds: float, fps: float, jitter: float = 0.02) -> list[dict[int, int]]:
    """For each frame, the number that each visible face gets; detections come in changing order, boxes jitter."""
    rng, tracker, numbers = np.random.default_rng(5), Tracker(), []
    for frame in range(round(seconds * fps)):
        time_s = frame / fps
        seen = [(who, place) for who, path in enumerate(paths) if (place := path(time_s)) is not None]
        rng.shuffle(seen)
        places = [
            (x + rng.normal(0, jitter * side), y + rng.normal(0, jitter * side), side * rng.normal(1, jitter))
            for _, (x, y, side) in seen
        ]
        found = faces(places)
        tracked = tracker.update(time_s, found)
        assert tracked.tracks.tolist() == sorted(set(tracked.tracks.tolist()))
        # Which detection became which row: the boxes are all different.
        row_of = {tuple(box): row for row, box in enumerate(tracked.boxes.tolist())}
        numbers.append(
            {
                who: int(tracked.tracks[row_of[tuple(box)]])
                for (who, _), box in zip(seen, found.boxes.tolist(), strict=True)
            }
        )
    return numbers


def identities(numbers: list[dict[int, int]], who: int) -> list[int]:
    """The different numbers of one face in order of appearance."""
    return list(dict.fromkeys(frame[who] for frame in numbers if who in frame))


@pytest.mark.parametrize("fps", [10, 24, 60])
def test_a_face_that_runs_through_the_picture_keeps_its_number(fps: float) -> None:
    """Faster and faster, up to twice its own size from frame to frame at 10: only its movement tells where it is."""
    numbers = follow([lambda t: (100 + 270 * t**2, 200, 80)], 3, fps)
    assert identities(numbers, 0) == [1]


def test_a_face_that_starts_with_a_jerk_keeps_its_number() -> None:
    """At ten frames a second, from rest to its own size between two frames: the boxes do not touch any more."""
    numbers = follow([lambda t: (100 + 800 * min(0.3, max(0.0, t - 0.5)), 200, 80)], 1.5, 10)
    assert identities(numbers, 0) == [1]


def test_a_face_appearing_beside_one_that_left_is_another_one() -> None:
    """One and a half sizes away, or nearer but a third as large."""
    beside = follow([lambda t: (100, 200, 80) if t < 1 else (220, 200, 80)], 2, 25)
    assert identities(beside, 0) == [1, 2]
    smaller = follow([lambda t: (100, 200, 120) if t < 1 else (190, 170, 40)], 2, 25)
    assert identities(smaller, 0) == [1, 2]


@pytest.mark.parametrize("fps", [10, 24, 60])
def test_two_faces_of_different_sizes_that_cross_keep_their_numbers(fps: float) -> None:
    """The nearer one passes in front: for 0.3 s the farther one is not seen."""

    def near(t: float) -> Place:
        return 100 + 100 * t, 200, 120

    def far(t: float) -> Place | None:
        return None if 1.85 < t < 2.15 else (500 - 100 * t, 190, 60)

    numbers = follow([near, far], 4, fps)
    assert len(identities(numbers, 0)) == len(identities(numbers, 1)) == 1
    assert identities(numbers, 0) != identities(numbers, 1)


@pytest.mark.parametrize("fps", [10, 60])
def test_a_face_missing_for_half_a_second_keeps_its_number(fps: float) -> None:
    numbers = follow([lambda t: None if 1 < t < 1.5 else (200 + 20 * t, 200, 90)], 3, fps)
    assert identities(numbers, 0) == [1]
    assert sum(not frame for frame in numbers) >= 0.4 * fps


@pytest.mark.parametrize("fps", [10, 60])
def test_a_face_missing_for_two_seconds_is_a_new_one(fps: float) -> None:
    numbers = follow([lambda t: None if 1 < t < 3 else (200, 200, 90), lambda _: (500, 200, 90)], 4, fps)
    assert len(identities(numbers, 0)) == 2
    assert len(identities(numbers, 1)) == 1


def test_a_jump_across_the_picture_is_a_new_face() -> None:
    """A cut in the film: the face at the other side is another one."""
    numbers = follow([lambda t: (100, 200, 80) if t < 1 else (500, 200, 80)], 2, 25)
    assert identities(numbers, 0) == [1, 2]


def test_numbers_count_from_one_and_are_never_used_again() -> None:
    """A face that comes for half a second every two seconds, beside one that stays."""
    visitor: Path = lambda t: (200, 200, 90) if t % 2 < 0.5 else None  # noqa: E731
    numbers = follow([lambda _: (500, 200, 90), visitor], 9, 25)
    met = identities(numbers, 0) + identities(numbers, 1)
    assert sorted(met) == list(range(1, 7))


def test_the_same_scene_gives_the_same_tracks_at_10_and_60_frames_a_second() -> None:
    """Three faces: one sits, one walks past it, one comes late and leaves."""
    scene: list[Path] = [
        lambda _: (320, 240, 100),
        lambda t: (80 + 120 * t, 120, 70),
        lambda t: (560, 400, 60) if 1 <= t < 2.5 else None,
    ]
    slow, fast = follow(scene, 4, 10), follow(scene, 4, 60)
    for who in range(3):
        assert identities(slow, who) == identities(fast, who)
        assert len(identities(slow, who)) == 1


def test_a_frame_without_faces_is_nothing_special() -> None:
    tracker = Tracker()
    assert len(tracker.update(0.0, Faces.none())) == 0
    assert tracker.update(0.1, faces([(50, 50, 20)])).tracks.tolist() == [1]
    assert len(tracker.update(0.2, Faces.none())) == 0
    assert tracker.update(0.3, faces([(50, 50, 20)])).tracks.tolist() == [1]


@pytest.mark.parametrize("fps", [0.2, 0.5, 1])
def test_a_face_keeps_its_number_when_frames_are_seconds_apart(fps: float) -> None:
    """As with --fps 0.5; and missing in one of them is no reason to lose it."""
    numbers = follow([lambda t: None if 19 < t < 21 else (200 + 3 * t, 200, 90)], 60, fps)
    assert identities(numbers, 0) == [1]


def test_a_neighbour_does_not_take_the_number_of_a_face_missed_for_a_moment() -> None:
    """Two equal faces side by side: the second comes into view just when the first is missed."""
    numbers = follow(
        [lambda t: None if 1 <= t < 1.1 else (150, 150, 100), lambda t: (260, 150, 100) if t >= 1 else None], 2, 25
    )
    assert len(identities(numbers, 0)) == 1
    assert len(identities(numbers, 1)) == 1


def test_a_change_of_resolution_does_not_change_who_is_who() -> None:
    tracker = Tracker()
    small = tracker.update(0.0, faces([(100, 100, 50)]), unit=320)
    large = tracker.update(0.04, faces([(400, 400, 200)]), unit=1280)
    assert small.tracks.tolist() == large.tracks.tolist()
    assert large.boxes.tolist() == [[300, 300, 200, 200]]
