"""Tracks that a second look refuses have no rows until one confirms them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_batch.pipeline.checkpoint.state import pack, unpack
from fer_batch.tracking.fixed_lag import FixedLagTracker
from fer_batch.tracking.track import WAIT_S
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces

_FACE = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.5, 0.75), (0.1, 0.4), (0.9, 0.4)], np.float32)


@dataclass
class View:
    """A flat picture, and the answer of second looks; counts them."""

    answer: Callable[[float], bool]
    """Whether what lies at this x is a face."""
    looks: list[float] = field(default_factory=list)

    def luma(self) -> NDArray[np.uint8]:
        return np.full((360, 640), 128, np.uint8)

    def embedding(self, *_: object) -> None:
        return None

    def evidence(self, box: NDArray[np.float32], score: float) -> float:
        assert box.shape == (4,)
        assert 0 < score <= 1
        self.looks.append(float(box[0]))
        return 2.0 * self.answer(float(box[0]))


def faces(*places: float, score: float = 0.6) -> Faces:
    """Detections of 60 pixels at these x."""
    corners = np.array([(x, 100.0) for x in places], np.float32).reshape(-1, 2)
    sides = np.full((len(places), 2), 60, np.float32)
    return Faces(
        np.hstack([corners, sides]),
        corners[:, None] + 60 * _FACE,
        np.full(len(places), score, np.float32),
        np.zeros(len(places), np.int32),
    )


def never(_: float) -> bool:
    return False


def always(_: float) -> bool:
    return True


class Run:
    """Frames one after another, and the tracks (numbers) in those that came out."""

    def __init__(self, fps: float = 25.0) -> None:
        self.following, self.fps = FixedLagTracker[int](Tracker()), fps
        self.tracks: dict[int, list[int]] = {}
        self.given = 0

    def add(self, found: Faces, answer: Callable[[float], bool]) -> View:
        view, n = View(answer), self.given
        self._take(self.following.add(n, n / self.fps, found, 640, view))
        self.given += 1
        # Nothing waits for longer than anything may.
        assert (n - len(self.tracks)) / self.fps <= WAIT_S + 1e-6
        return view

    def finish(self) -> dict[int, list[int]]:
        self._take(self.following.finish())
        assert list(self.tracks) == list(range(self.given))
        return self.tracks

    def _take(self, done: object) -> None:
        for item, found in done:  # type: ignore[attr-defined]
            self.tracks[item] = found.tracks.tolist()


def test_a_track_that_is_never_confirmed_has_no_rows_and_holds_nothing_up() -> None:
    run = Run()
    for _ in range(200):
        run.add(faces(100), never)
    assert run.given - len(run.tracks) == 0
    assert not any(run.finish().values())


def test_a_confirmed_face_beside_a_refused_one_has_all_of_its_rows_and_the_first_number() -> None:
    run = Run()
    for _ in range(60):
        run.add(faces(100, 400), lambda x: x > 300)
    assert set(map(tuple, run.finish().values())) == {(1,)}


def test_second_looks_that_succeed_among_the_first_give_all_rows() -> None:
    """As with a face that is blurred when it is found first."""
    run = Run()
    for n in range(30):
        run.add(faces(100), always if n in (2, 3) else never)
    assert set(map(tuple, run.finish().values())) == {(1,)}


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_doubted_track_that_is_confirmed_later_has_rows_from_then_on(fps: float) -> None:
    """And no number is given to what it was before."""
    run, confirmed = Run(fps), 0
    for n in range(round(6 * fps)):
        view = run.add(faces(100), always if n >= 3 * fps else never)
        confirmed = confirmed or (n if view.looks and n >= 3 * fps else 0)
    tracks = run.finish()
    assert confirmed - 3 * fps <= 2 * fps + 1
    first = min(n for n, numbers in tracks.items() if numbers)
    assert confirmed - WAIT_S * fps - 1 <= first <= confirmed
    assert all(numbers == ([1] if n >= first else []) for n, numbers in tracks.items())


def test_frames_that_still_wait_get_the_rows_of_a_track_that_is_confirmed() -> None:
    """They wait for another face, which is missed from two frames before until one after."""
    asked = first_look_from(30)
    run = Run()
    for n in range(100):
        there = faces(100) if asked - 2 <= n <= asked + 1 else faces(100, 400)
        run.add(there, (lambda x: x > 300) if n < asked else always)
    tracks = run.finish()
    assert all(numbers == ([1, 2] if n >= asked - 2 else [1]) for n, numbers in tracks.items())


def first_look_from(frame: int) -> int:
    """When a track that is refused in every frame is looked at again, from a frame on."""
    run = Run()
    looks = [bool(run.add(faces(100), never).looks) for _ in range(200)]
    return next(n for n in range(frame, 200) if looks[n])


def test_second_looks_at_what_is_refused_become_rare() -> None:
    run = Run()
    looks = [len(run.add(faces(100), never).looks) for _ in range(25 * 60)]
    assert looks[:3] == [1, 1, 1]
    assert sum(looks[25 * 30 :]) <= 30 / 2 + 1
    assert sum(looks[25 * 30 :]) >= 30 / 3


def test_second_looks_at_a_confirmed_face_become_rare() -> None:
    run = Run()
    looks = [len(run.add(faces(100), always).looks) for _ in range(25 * 60)]
    assert looks[0] == 1
    assert 1 <= sum(looks[25 * 30 :]) <= 30 / 8 + 1
    assert set(map(tuple, run.finish().values())) == {(1,)}


def test_a_face_that_is_none_any_more_loses_its_rows() -> None:
    """The detector's box went from a face that left to a thing behind it."""
    run = Run()
    for n in range(25 * 20):
        run.add(faces(100), always if n < 100 else never)
    tracks = run.finish()
    last = max(n for n, numbers in tracks.items() if numbers)
    assert 100 <= last < 100 + 25 * 10
    assert all(numbers == ([1] if n <= last else []) for n, numbers in tracks.items())


def test_a_face_turned_away_which_the_detector_is_sure_of_keeps_its_rows() -> None:
    """Second looks miss profiles."""
    run = Run()
    for n in range(25 * 20):
        run.add(faces(100, score=0.8), always if n < 100 else never)
    assert set(map(tuple, run.finish().values())) == {(1,)}


def test_a_photograph_with_a_refused_face_has_no_rows() -> None:
    run = Run()
    run.add(faces(100, 400), lambda x: x > 300)
    assert run.finish() == {0: [1]}


def test_without_a_picture_every_face_is_confirmed() -> None:
    following = FixedLagTracker[int](Tracker())
    done = [*following.add(0, 0.0, faces(100)), *following.finish()]
    assert [found.tracks.tolist() for _, found in done if found is not None] == [[1]]


@pytest.mark.parametrize("stop", [2, 4, 20, 40, 70, 90])
def test_doubts_are_remembered_by_a_state(stop: int) -> None:
    """As it goes with a track in doubt, one that is confirmed late and one that is none any more."""

    def answer(n: int) -> Callable[[float], bool]:
        return lambda x: (x < 200 and n >= 50) or (x > 400 and n < 40)

    def rest(run: Run, first: int) -> list[list[float]]:
        return [run.add(faces(100, 300, 500), answer(n)).looks for n in range(first, 150)]

    whole = Run()
    for n in range(stop):
        whole.add(faces(100, 300, 500), answer(n))
    again = Run()
    again.following.set_state(unpack(pack(whole.following.get_state())))
    again.given, again.tracks = whole.given, dict(whole.tracks)
    assert rest(again, stop) == rest(whole, stop)
    assert again.finish() == whole.finish()
    assert {number for numbers in whole.tracks.values() for number in numbers} == {1, 2}
