"""What users may rely on about shots: cuts are found, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from benchmarks.tracking.catalogue import scenes
from benchmarks.tracking.composition import Scene
from benchmarks.tracking.cutouts import Cutout, cast
from benchmarks.tracking.footage import SceneSource, write_video
from benchmarks.tracking.photographs import example_people
from helpers.clips import clip, ffmpeg
from helpers.paths import ASTRONAUT, EXAMPLE
from numpy.typing import NDArray

from fer_batch.detection.yunet import YuNet
from fer_batch.video.frame import Display, Frame
from fer_batch.video.open import open_source
from fer_batch.video.shot_detector import AROUND_S, MOST_WAITING, shots

Picture = NDArray[np.uint8]
"""(H, W) luma or (H, W, 3) RGB."""

SIZE = (320, 180)
FRAME_RATES = [25.0, *(pytest.param(fps, marks=pytest.mark.slow) for fps in (10.0, 60.0))]


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with closing(YuNet()) as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.fixture(scope="module")
def stills() -> list[Picture]:
    """Four settings: a woman before a wall, an astronaut in a studio, and a closer look at each."""
    with av.open(str(EXAMPLE)) as container:
        woman = next(container.decode(video=0)).to_ndarray(format="gray")
    astronaut = np.asarray(cv2.imread(str(ASTRONAUT), cv2.IMREAD_GRAYSCALE), np.uint8)[:288]
    parts = (woman, astronaut, woman[100:300, 300:], astronaut[20:200, 120:440])
    return [np.asarray(cv2.resize(part, SIZE, interpolation=cv2.INTER_AREA), np.uint8) for part in parts]


def frame(index: int, time_s: float, picture: Picture) -> Frame:
    kind = "gray" if picture.ndim == 2 else "rgb24"
    height, width = picture.shape[:2]
    return Frame(index, time_s, av.VideoFrame.from_ndarray(picture, format=kind), Display(width, height))


def film(pictures: Sequence[Picture], fps: float = 25) -> list[Frame]:
    """Pictures with the noise of a sensor on each."""
    rng = np.random.default_rng(0)
    noisy = (np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8) for picture in pictures)
    return [frame(index, index / fps, picture) for index, picture in enumerate(noisy)]


def cuts(frames: Sequence[Frame] | Iterator[Frame]) -> list[int]:
    """The frames at which a shot begins, but the first."""
    found, last = [], 0
    for one, shot in shots(iter(frames)):
        assert shot in (last, last + 1)
        if shot > last:
            found.append(one.index)
        last = shot
    return found


def seconds(length_s: float, fps: float) -> int:
    return round(length_s * fps)


@pytest.mark.parametrize("fps", FRAME_RATES)
def test_the_cuts_of_made_scenes_are_found_at_their_frame_and_no_others(people: list[Cutout], fps: float) -> None:
    """Among them another person at the same place, shot and reverse shot, dissolves, flashes and a shaking camera."""
    for scene in scenes(people, ["cut", "fade", "shake", "crossing-speeds"], [fps]):
        short = replace(scene, seconds=min(scene.seconds, 4.2))
        with SceneSource(short) as source:
            found = [index / fps for index in cuts(source.frames())]
        assert found == pytest.approx([cut for cut in scene.cuts if cut < short.seconds], abs=1.01 / fps), scene.name


@pytest.mark.parametrize("fps", FRAME_RATES)
def test_shots_of_a_third_of_a_second_are_told_apart(stills: list[Picture], fps: float) -> None:
    length = seconds(0.3, fps)
    pictures = [still for still in (*stills, *stills) for _ in range(length)]
    assert cuts(film(pictures, fps)) == list(range(length, len(pictures), length))


def test_cuts_between_dark_shots_and_beside_bars_are_found(stills: list[Picture]) -> None:
    dark = [np.asarray(14 + 0.17 * still, np.uint8) for still in stills]
    barred = [np.asarray(60 + 0.12 * still, np.uint8) for still in stills]
    for still in barred:
        still[:24], still[-24:] = 16, 16
    for kind in (dark, barred):
        assert cuts(film([still for still in kind for _ in range(20)])) == [20, 40, 60]


def test_writing_that_stays_does_not_hide_a_cut(stills: list[Picture]) -> None:
    """Subtitles and a station's sign, also over dark pictures, of which they are all that stands out."""
    for dim in (1.0, 0.12):
        written = [np.asarray(10 + dim * still * 0.9, np.uint8) for still in stills]
        for still in written:
            cv2.putText(still, "LIVE 12", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (235,), 2)
            cv2.putText(still, "as they say", (60, 165), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (235,), 2)
        assert cuts(film([still for still in written for _ in range(20)])) == [20, 40, 60]


def test_a_cut_through_black_or_white_is_one_when_the_picture_is_back(stills: list[Picture]) -> None:
    for level in (0, 16, 235, 255):
        blank = np.full_like(stills[0], level)
        assert cuts(film([stills[0]] * 20 + [blank] * 10 + [stills[1]] * 20)) == [30]
        assert cuts(film([blank] * 10 + [stills[0]] * 20)) == []
        assert cuts(film([stills[0]] * 20 + [blank] * 10 + [stills[0]] * 20)) == []


def test_a_cut_with_a_blended_frame_is_one(stills: list[Picture]) -> None:
    blended = np.asarray(cv2.addWeighted(stills[0], 0.5, stills[1], 0.5, 0), np.uint8)
    (found,) = cuts(film([stills[0]] * 20 + [blended] + [stills[1]] * 20))
    assert found in (20, 21)


def _dissolved(one: Picture, other: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(one, 1 - share, other, share, 0), np.uint8)


def _moved(picture: Picture, shift: float, scale: float = 1.0) -> Picture:
    """Sideways by pixels, nearer by a factor; beyond its edges is its mirror image."""
    middle = SIZE[0] / 2, SIZE[1] / 2
    matrix = np.array([[scale, 0, middle[0] * (1 - scale) + shift], [0, scale, middle[1] * (1 - scale)]])
    return np.asarray(cv2.warpAffine(picture, matrix, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8)


def _behind_a_hand(picture: Picture, left: float) -> Picture:
    covered = picture.copy()
    covered[:, max(0, int(left)) : max(0, int(left) + 200)] = np.linspace(150, 190, SIZE[1], dtype=np.uint8)[:, None]
    return covered


def _damaged(picture: Picture, seed: int) -> Picture:
    rng, damaged = np.random.default_rng(seed), picture.copy()
    for y in range(96, SIZE[1] - 16, 16):
        for x in range(0, SIZE[0], 16):
            if rng.random() < 0.7:
                damaged[y : y + 16, x : x + 16] = rng.integers(0, 255)
    return damaged


def _blotches(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 20)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


Disturbance = Callable[[Picture, Picture, float], Picture]
"""A picture, another one and seconds since it began, to what is seen."""

DISTURBANCES: dict[str, Disturbance] = {
    "dissolve": lambda a, b, t: _dissolved(a, b, min(1.0, t / 0.7)),
    "dissolve into a dim picture": lambda a, b, t: _dissolved(a, (100 + b // 10).astype(np.uint8), min(1.0, t / 0.7)),
    "fade through black": lambda a, b, t: (
        np.asarray(a * max(0.0, 1 - t), np.uint8) if t < 1.2 else np.asarray(b * min(1.0, t - 1.2), np.uint8)
    ),
    "flash": lambda a, _, t: np.full_like(a, 250) if t < 0.099 else a,
    "flash that leaves something": lambda a, _, t: (
        np.asarray(np.minimum(255, 185 + 0.3 * a), np.uint8) if t < 0.099 else a
    ),
    "brighter exposure": lambda a, *_: np.asarray(np.minimum(255, 1.6 * a.astype(float)), np.uint8),
    "darker exposure": lambda a, *_: np.asarray(0.4 * a, np.uint8),
    "pan": lambda a, _, t: _moved(a, 300 * min(t, 0.5)),
    "zoom": lambda a, _, t: _moved(a, 0, 1 + 1.2 * min(t, 0.6)),
    "hand": lambda a, _, t: _behind_a_hand(a, 1500 * t - 200),
    "another picture for a moment": lambda a, b, t: b if t < 0.099 else a,
    "no picture like the last": lambda _, __, t: _blotches(int(1000 * t)),
    "damage": lambda a, _, t: _damaged(a, int(1000 * t)) if t < 0.15 else a,
}


@pytest.mark.parametrize("fps", FRAME_RATES)
@pytest.mark.parametrize(
    "name",
    [
        name if name in ("dissolve", "flash", "pan") else pytest.param(name, marks=pytest.mark.slow)
        for name in DISTURBANCES
    ],
)
def test_what_is_not_a_hard_cut_is_none(name: str, fps: float, stills: list[Picture]) -> None:
    disturb = DISTURBANCES[name]
    for one, other in (stills[:2], stills[1::-1]):
        pictures = [one] * seconds(0.8, fps)
        pictures += [disturb(one, other, index / fps) for index in range(seconds(2.5, fps))]
        assert cuts(film(pictures, fps)) == []


def test_repeated_frames_are_not_cuts(stills: list[Picture]) -> None:
    """Ten pictures a second of a fast pan, shown as thirty frames."""
    pictures = [_moved(stills[1], 40.0 * (index // 3)) for index in range(90)]
    assert cuts(film(pictures, 30)) == []


def test_the_example_is_one_shot_and_cuts_survive_strong_compression(tmp_path: Path, stills: list[Picture]) -> None:
    with open_source(EXAMPLE) as source:
        assert cuts(source.frames()) == []
    write_video(tmp_path / "cuts.mp4", (np.repeat(still[:, :, None], 3, 2) for still in stills for _ in range(15)), 25)
    ffmpeg("-i", tmp_path / "cuts.mp4", "-c:v", "libx264", "-crf", "40", "-g", "250", tmp_path / "poor.mp4")
    with open_source(tmp_path / "poor.mp4") as source:
        assert cuts(source.frames()) == [15, 30, 45]


def test_time_is_what_counts_and_not_frames(stills: list[Picture]) -> None:
    """Five frames a second, then sixty: a flash of 0.1 s is one frame there and six here, a cut is a cut in both."""
    white = np.full_like(stills[0], 250)
    pictures = [stills[0]] * 8 + [stills[1]] * 40 + [white] * 6 + [stills[1]] * 30
    times = np.cumsum([0.2] * 12 + [1 / 60] * (len(pictures) - 12))
    assert cuts([replace(one, time_s=float(time)) for one, time in zip(film(pictures), times, strict=True)]) == [8]


class Watched:
    """A source of frames that knows how many are out, and whether it was closed."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = iter(frames)
        self.drawn = 0
        self.closed = False

    def __iter__(self) -> Watched:
        return self

    def __next__(self) -> Frame:
        one = next(self._frames)
        self.drawn += 1
        return one

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("fps", [5.0, 25.0, 60.0, 240.0])
def test_frames_wait_only_at_a_doubt_and_then_few_and_shortly(stills: list[Picture], fps: float) -> None:
    length = seconds(0.4, fps)
    frames = film([still for still in stills for _ in range(length)], fps)
    source, most = Watched(frames), 0
    for number, (one, _) in enumerate(shots(source), start=1):
        waiting = source.drawn - number + 1
        most = max(most, waiting)
        assert waiting <= MOST_WAITING
        assert frames[source.drawn - 1].time_s - one.time_s <= AROUND_S + 1.01 / fps
        if one.index % length and one.index % length > seconds(2 * AROUND_S, fps):
            assert waiting == 1
    assert most > 1
    steady = Watched(film([stills[0]] * 30, fps))
    assert all(steady.drawn == one.index + 1 for one, _ in shots(steady))


def test_every_frame_comes_out_itself_and_in_order(stills: list[Picture]) -> None:
    frames = film([still for still in stills for _ in range(7)])
    before = [one.luma().copy() for one in frames]
    numbered = list(shots(iter(frames)))
    assert len(numbered) == len(frames)
    assert all(one is other for (one, _), other in zip(numbered, frames, strict=True))
    assert all(np.array_equal(one.luma(), luma) for one, luma in zip(frames, before, strict=True))
    assert [shot for _, shot in numbered] == [index // 7 for index in range(28)]
    assert list(shots(iter([]))) == []
    assert [shot for _, shot in shots(iter(frames[:1]))] == [0]


def test_a_source_is_closed_with_its_shots(stills: list[Picture]) -> None:
    source = Watched(film([stills[0]] * 10 + [stills[1]] * 10))
    numbered: Any = shots(source)
    assert [one.index for one, _ in islice(numbered, 11)] == list(range(11))
    assert not source.closed
    numbered.close()
    assert source.closed
    ended = Watched(film([stills[0]] * 3))
    assert len(list(shots(ended))) == 3
    assert ended.closed


def test_an_error_comes_out_after_the_frames_before_it(stills: list[Picture]) -> None:
    """Even when these were held back."""

    def broken() -> Iterator[Frame]:
        raise OSError("unreadable")
        yield

    seen = []
    with pytest.raises(OSError, match="unreadable"):  # noqa: PT012
        for one, _ in shots(chain(film([stills[0]] * 10 + [stills[1]] * 2), broken())):
            seen.append(one.index)
    assert seen == list(range(12))


@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le", "rgb24", "nv12"])
def test_cuts_are_the_same_in_every_pixel_format_and_orientation(form: str, stills: list[Picture]) -> None:
    frames = film([still for still in stills for _ in range(10)])
    for turned in (False, True):
        converted = []
        for one in frames:
            luma = np.ascontiguousarray(one.luma().T) if turned else one.luma()
            picture = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format=form)
            converted.append(replace(one, picture=picture, display=Display(luma.shape[1], luma.shape[0]), _luma=None))
        assert cuts(converted) == [10, 20, 30]


def test_shots_are_the_same_every_time(tmp_path: Path, people: list[Cutout]) -> None:
    def scene() -> Scene:
        (made,) = scenes(people, ["cut-back"], [25])
        return made

    numbers = []
    for _ in range(2):
        with SceneSource(scene()) as source:
            numbers.append([shot for _, shot in shots(source.frames())])
    assert numbers[0] == numbers[1]
    with open_source(clip(tmp_path / "pattern.mp4", seconds=2)) as pattern:
        assert {shot for _, shot in shots(pattern.frames())} == {0}
