"""Who is who from frame to frame, told by place and movement alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fer_batch.tracking.fixed_lag import FixedLagTracker
from fer_batch.tracking.tracker import Tracker
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
    rng, following = np.random.default_rng(5), FixedLagTracker[dict[tuple[float, ...], int]](Tracker())
    done: list[tuple[dict[tuple[float, ...], int], Faces | None]] = []
    for frame in range(round(seconds * fps)):
        time_s = frame / fps
        seen = [(who, place) for who, path in enumerate(paths) if (place := path(time_s)) is not None]
        rng.shuffle(seen)
        places = [
            (x + rng.normal(0, jitter * side), y + rng.normal(0, jitter * side), side * rng.normal(1, jitter))
            for _, (x, y, side) in seen
        ]
        found = faces(places)
        # Which face each box is: the boxes are all different.
        whose = {tuple(box): who for (who, _), box in zip(seen, found.boxes.tolist(), strict=True)}
        done.extend(following.add(whose, time_s, found))
    done.extend(following.finish())
    numbers = []
    for whose, tracked in done:
        assert tracked is not None
        assert tracked.tracks.tolist() == sorted(set(tracked.tracks.tolist()))
        own = tracked[~tracked.interpolated]
        numbers.append(
            {whose[tuple(box)]: track for box, track in zip(own.boxes.tolist(), own.tracks.tolist(), strict=True)}
        )
    return numbers


def rows(count: int, places: dict[int, list[Place]]) -> list[Faces]:
    """The faces of every frame, at 25 a second."""
    following = FixedLagTracker[int](Tracker())
    found = [one for n in range(count) for one in following.add(n, n / 25, faces(places.get(n, [])))]
    found += following.finish()
    assert [item for item, _ in found] == list(range(count))
    return [one for _, one in found if one is not None]


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


def test_a_gap_of_a_few_frames_is_filled_and_marked() -> None:
    """Missed in frames 10 to 12: half-way the box is half-way."""
    found = rows(25, {n: [(100.0 + 2 * n, 200.0, 80.0)] for n in range(25) if not 10 <= n <= 12})
    assert [len(frame) for frame in found] == [1] * 25
    assert [n for n, frame in enumerate(found) if frame.interpolated[0]] == [10, 11, 12]
    assert found[11].boxes[0] == pytest.approx([100 + 22 - 40, 160, 80, 80], abs=1e-3)
    assert {int(frame.tracks[0]) for frame in found} == {1}


def test_a_longer_gap_is_left_open() -> None:
    found = rows(30, {n: [(100.0, 200.0, 80.0)] for n in range(30) if not 10 <= n < 18})
    assert [n for n, frame in enumerate(found) if not len(frame)] == list(range(10, 18))
    assert {int(track) for frame in found for track in frame.tracks} == {1}


def test_what_is_a_face_for_a_moment_only_is_none() -> None:
    """Two frames of ten; a face that stays has all of its rows from the first."""
    stays = (300.0, 200.0, 80.0)
    found = rows(20, {n: [stays, (100.0, 100.0, 60.0)] if n in (5, 6) else [stays] for n in range(20)})
    assert [frame.tracks.tolist() for frame in found] == [[1]] * 20


def test_a_photograph_keeps_its_faces() -> None:
    """One frame is all there is: nothing can be confirmed."""
    assert rows(1, {0: [(100, 100, 50), (200, 100, 50)]})[0].tracks.tolist() == [1, 2]


def test_weak_detections_carry_a_track_on_but_begin_none() -> None:
    following = FixedLagTracker[int](Tracker(minimum_score=0.5))
    found: list[Faces | None] = []
    for n in range(20):
        seen = faces([(100, 200, 80), (300, 200, 80)])
        seen.scores[:] = (0.9 if n < 8 else 0.35), 0.4
        found += [one for _, one in following.add(n, n / 25, seen)]
    found += [one for _, one in following.finish()]
    assert [one.tracks.tolist() for one in found if one is not None] == [[1]] * 20
    assert found[15] is not None
    assert found[15].scores.tolist() == pytest.approx([0.35])


@pytest.mark.parametrize("fps", [10, 25, 60, 240])
def test_frames_wait_a_moment_at_most_and_come_in_order(fps: float) -> None:
    """New faces and gaps all the time; of four frames one is analysed. What waits is bounded in time and number."""
    rng, following = np.random.default_rng(1), FixedLagTracker[int](Tracker())
    given: list[int] = []
    for n in range(400):
        if n % 4:
            given += [item for item, found in following.pass_on(n, n / fps)]
        else:
            seen = faces([place for place in ((100, 100, 50), (300, 100, 50)) if rng.random() < 0.6])
            given += [item for item, _ in following.add(n, n / fps, seen)]
        assert n - len(given) < max(4 * 6, 1)
        assert len(given) > n or (n - len(given)) / fps <= 0.2 + 1e-6
    given += [item for item, _ in following.finish()]
    assert given == list(range(400))


def test_frames_that_are_passed_on_change_nothing() -> None:
    """The timeline is the same whether the frames between the analysed ones are drawn or not."""
    rng = np.random.default_rng(2)
    places = [[place for place in ((100, 100, 50), (300, 100, 50)) if rng.random() < 0.5] for _ in range(200)]

    def run(between: int) -> list[tuple[list[int], list[bool]]]:
        following, found = FixedLagTracker[int](Tracker()), []
        for n, seen in enumerate(places):
            found += list(following.add(n, n / 8, faces(seen)))
            for k in range(between):
                found += list(following.pass_on(-1, (n + (k + 1) / (between + 1)) / 8))
        found += list(following.finish())
        return [(one.tracks.tolist(), one.interpolated.tolist()) for _, one in found if one is not None]

    assert run(0) == run(3)


def test_a_cut_ends_every_track() -> None:
    """The face before it and the face at the very same place after it are two."""
    following = FixedLagTracker[int](Tracker())
    found = [one for n in range(10) for one in following.add(n, n / 25, faces([(100, 200, 80)]))]
    found += following.finish()
    found += [one for n in range(10, 20) for one in following.add(n, n / 25, faces([(100, 200, 80)]))]
    found += following.finish()
    assert [one.tracks.tolist() for _, one in found if one is not None] == [[1]] * 10 + [[2]] * 10


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
    following = FixedLagTracker[int](Tracker())
    found = [one for n in range(5) for one in following.add(n, n / 25, faces([(100, 100, 50)]), unit=320)]
    found += [one for n in range(5, 9) for one in following.add(n, n / 25, faces([(400, 400, 200)]), unit=1280)]
    found += following.finish()
    assert [one.tracks.tolist() for _, one in found if one is not None] == [[1]] * 9
    assert found[-1][1] is not None
    assert found[-1][1].boxes.tolist() == [[300, 300, 200, 200]]
