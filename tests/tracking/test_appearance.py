"""Who is who where looks decide: faces with made-up pictures and embeddings, and what must hold in any scene."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_batch.tracking.fixed_lag import FixedLagTracker
from fer_batch.tracking.track import Track
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces

FPS = 25.0
_KEYPOINTS = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.5, 0.75), (0.1, 0.4), (0.9, 0.4)], np.float32)
_RNG = np.random.default_rng(0)
_FACES = {who: _RNG.integers(0, 255, (24, 24), np.uint8) for who in "abcd"}
_EMBEDDINGS: dict[str, NDArray[np.float32]] = {
    who: np.eye(128, dtype=np.float32)[i] * np.float32(0.55) for i, who in enumerate("abcd")
}
"""0.78 apart, as two people's usually are."""


@dataclass(frozen=True)
class Seen:
    """Somebody's face at a place."""

    who: str
    x: float
    y: float = 180.0
    side: float = 80.0
    score: float = 0.9


@dataclass
class Picture:
    """A frame in which everybody looks like themselves; counts how often it was asked for embeddings."""

    faces: Sequence[Seen]
    embeds: bool = True
    asked: list[str] = field(default_factory=list)

    def luma(self) -> NDArray[np.uint8]:
        luma = np.full((360, 640), 128, np.uint8)
        for face in self.faces:
            side = int(face.side)
            x, y = int(face.x - side / 2), int(face.y - side / 2)
            patch = _FACES[face.who][np.ix_(*[np.linspace(0, 23, side).astype(int)] * 2)]
            left, top, right, bottom = max(0, x), max(0, y), min(640, x + side), min(360, y + side)
            if left < right and top < bottom:
                luma[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
        return luma

    def evidence(self, *_: object) -> float:
        return 2.0

    def embedding(self, keypoints: NDArray[np.float32]) -> NDArray[np.float32] | None:
        if not self.embeds:
            return None
        centre = keypoints[:2].mean(0)
        face = min(self.faces, key=lambda one: abs(one.x - centre[0]) + abs(one.y - 0.15 * one.side - centre[1]))
        self.asked.append(face.who)
        return _EMBEDDINGS[face.who]

    def detections(self) -> Faces:
        corners = np.array([(face.x - face.side / 2, face.y - face.side / 2) for face in self.faces], np.float32)
        sides = np.array([face.side for face in self.faces], np.float32)
        count = len(sides)
        return Faces(
            np.column_stack([corners.reshape(-1, 2), sides, sides]).astype(np.float32),
            (corners.reshape(-1, 1, 2) + sides.reshape(-1, 1, 1) * _KEYPOINTS).astype(np.float32),
            np.array([face.score for face in self.faces], np.float32),
            np.zeros(count, np.int32),
        )


def follow(frames: Sequence[Sequence[Seen]], embeds: bool = True, fps: float = FPS) -> list[dict[str, int]]:
    """Each frame's track numbers by who has them, for rows that were found."""
    following, done = FixedLagTracker[Picture](Tracker()), list[tuple[Picture, Faces | None]]()
    for n, seen in enumerate(frames):
        picture = Picture(seen, embeds)
        done += following.add(picture, n / fps, picture.detections(), 640, picture)
    done += following.finish()
    found = []
    for picture, faces in done:
        assert faces is not None
        assert len(set(faces.tracks.tolist())) == len(faces)
        places = {(round(one.x - one.side / 2), round(one.y - one.side / 2)): one.who for one in picture.faces}
        own = faces[~faces.interpolated]
        keys = [(round(float(x)), round(float(y))) for x, y in own.boxes[:, :2]]
        found.append({places[key]: track for key, track in zip(keys, own.tracks.tolist(), strict=True)})
    return found


def numbers(found: list[dict[str, int]], who: str) -> list[int]:
    return list(dict.fromkeys(frame[who] for frame in found if who in frame))


@pytest.mark.parametrize(("away_s", "same"), [(10, True), (50, True), (70, False)])
def test_who_comes_back_within_a_minute_goes_on_in_the_same_track(away_s: float, same: bool) -> None:
    """At the other side of the picture, while somebody else stays; later it is a new track."""
    before = [[Seen("a", 100), Seen("b", 320)]] * 50
    away = [[Seen("b", 320)]] * round(away_s * FPS)
    after = [[Seen("a", 550), Seen("b", 320)]] * 20
    found = follow([*before, *away, *after])
    assert len(numbers(found, "a")) == (1 if same else 2)
    assert len(numbers(found, "b")) == 1


def test_without_embeddings_only_place_and_a_short_memory_tell() -> None:
    frames = [[Seen("a", 100)]] * 30 + [[]] * 75 + [[Seen("a", 550)]] * 20
    assert len(numbers(follow(frames, embeds=False), "a")) == 2
    near = [[Seen("a", 100)]] * 30 + [[]] * 50 + [[Seen("a", 130)]] * 20
    assert len(numbers(follow(near, embeds=False), "a")) == 1


def test_somebody_else_at_the_place_of_one_who_left_is_another_track() -> None:
    for embeds in (True, False):
        frames = [[Seen("a", 100)]] * 30 + [[]] * 15 + [[Seen("b", 105)]] * 20
        found = follow(frames, embeds)
        assert numbers(found, "a") != numbers(found, "b")


def test_of_two_newcomers_only_one_can_be_the_one_who_left() -> None:
    frames = [[Seen("a", 100)]] * 30 + [[]] * 15 + [[Seen("b", 80), Seen("a", 200)]] * 20
    found = follow(frames)
    assert (numbers(found, "a"), len(numbers(found, "b"))) == ([1], 1)
    assert numbers(found, "b") != [1]


def test_a_face_found_twice_for_two_frames_is_no_reason_to_share_a_number() -> None:
    """As in a dissolve from one view of somebody to another: both are seen, then only the second."""
    first, second = Seen("a", 150), Seen("a", 300)
    found = follow([[first]] * 20 + [[first, second]] * 3 + [[second]] * 20)
    assert len(found) == 43


def test_a_mix_up_behind_each_other_is_mended() -> None:
    """They stand still one before the other, the one behind unseen; then the one in front was the other one."""
    frames = [
        *([[Seen("a", 200), Seen("b", 330)]] * 30),
        *([[Seen("a", 200 + 5 * n), Seen("b", 330 - 5 * n)] for n in range(10)]),
        *([[Seen("b", 265)]] * 10),
        *([[Seen("b", 265 - 8 * n), Seen("a", 275 + 8 * n)] for n in range(3, 15)]),
        *([[Seen("b", 150), Seen("a", 390)]] * 20),
    ]
    found = follow(frames)
    assert found[-1] == found[0]


@pytest.mark.parametrize("embeds", [True, False])
def test_a_face_that_becomes_another_one_at_its_place_is_a_new_track(embeds: bool) -> None:
    """Nothing is missed, nothing moves: only looks tell. Without embeddings that is not looked into."""
    found = follow([[Seen("a", 320)]] * 60 + [[Seen("b", 320)]] * 60, embeds)
    assert numbers(found, "a") == [1]
    assert (found[-1]["b"] != 1) == embeds


def test_faces_too_small_to_be_told_apart_are_not_embedded() -> None:
    following = FixedLagTracker[int](Tracker())
    for side, expected in ((31.0, False), (40.0, True)):
        pictures = [Picture([Seen("a", 100, side=side)]) for _ in range(40)]
        for n, picture in enumerate(pictures):
            list(following.add(n, (n + side * 100) / FPS, picture.detections(), 640, picture))
        assert any(picture.asked for picture in pictures) == expected


@pytest.mark.slow
def test_embeddings_are_few_and_told_with_the_number_of_their_track() -> None:
    told: list[tuple[int, int]] = []
    tracker = Tracker(on_embedding=lambda number, one: told.append((number, int(one.argmax()))))
    following = FixedLagTracker[int](tracker)
    for n in range(round(120 * FPS)):
        picture = Picture([Seen("c", 100), Seen("d", 400)])
        list(following.add(n, n / FPS, picture.detections(), 640, picture))
    assert set(told) in ({(1, 2), (2, 3)}, {(1, 3), (2, 2)})
    assert 4 <= len(told) <= 8


def _crowd(seed: int, people: int = 4, frames: int = 150) -> list[list[Seen]]:
    """People who wander, hide, are missed, and are now and then found twice."""
    rng = np.random.default_rng(seed)
    places, speeds = rng.uniform((60, 60), (580, 300), (people, 2)), rng.normal(0, 3, (people, 2))
    sides, away = rng.uniform(30, 90, people), np.zeros(people)
    scene = []
    for _ in range(frames):
        speeds += rng.normal(0, 0.8, speeds.shape)
        places = np.clip(places + speeds, (50, 50), (590, 310))
        away = np.where(rng.random(people) < 0.01, rng.integers(5, 60, people), away - 1)
        seen = []
        for one in range(people):
            if away[one] > 0 or rng.random() < 0.12:
                continue
            for copy in range(1 + (rng.random() < 0.05)):
                x, y = places[one] + rng.normal(0, (0.02 + 0.5 * copy) * sides[one], 2)
                seen.append(Seen("abcd"[one], float(x), float(y), float(sides[one]), float(rng.uniform(0.3, 0.95))))
        scene.append(seen)
    return scene


@pytest.mark.slow
@pytest.mark.parametrize("embeds", [True, False])
@pytest.mark.parametrize("fps", [5.0, 25.0, 60.0])
def test_in_any_scene_numbers_are_unique_in_a_frame_and_counted_without_gaps(embeds: bool, fps: float) -> None:
    for seed in range(6):
        following, done = FixedLagTracker[int](Tracker()), list[tuple[int, Faces | None]]()
        for n, seen in enumerate(_crowd(seed)):
            picture = Picture(seen, embeds)
            done += following.add(n, n / fps, picture.detections(), 640, picture)
            assert n + 1 - len(done) <= 6
        done += following.finish()
        assert [n for n, _ in done] == list(range(150))
        tracks = [faces.tracks.tolist() for _, faces in done if faces is not None]
        assert all(len(set(frame)) == len(frame) for frame in tracks)
        met = {track for frame in tracks for track in frame}
        assert met == set(range(1, len(met) + 1))


@pytest.mark.slow
def test_those_who_have_gone_are_not_kept_for_ever() -> None:
    """Passers-by beside one who stays, for minutes: only the last minute of them is remembered."""
    following, alive = FixedLagTracker[int](Tracker()), list[int]()
    for n in range(400 * 10):
        passer = Seen("bcd"[n // 40 % 3], 60 + 12 * (n % 40), 120, side=50)
        picture = Picture([Seen("a", 320, 260), passer], embeds=n % 80 < 40)
        list(following.add(n, n / 10, picture.detections(), 640, picture))
        if n % 1000 == 999:
            gc.collect()
            alive.append(sum(isinstance(one, Track) for one in gc.get_objects()))
    assert alive[-1] <= alive[0] + 5
