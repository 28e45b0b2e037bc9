"""Which frames are analysed, seen from outside: the numbers and times of the observations."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Unpack

import pytest
from helpers.clips import clip

import fer_batch
from fer_batch.config import Options, Selection
from fer_batch.errors import InputError
from fer_batch.pipeline.frame_selection import is_selected
from fer_batch.video.open import open_source


def numbers(path: Path, **options: Unpack[Options]) -> list[int]:
    """Numbers of the analysed frames of a video of 25 frames a second, after a look at their times."""
    observations = list(fer_batch.stream(path, **options))
    assert [o.time_s for o in observations] == pytest.approx([o.frame / 25 for o in observations])
    return [o.frame for o in observations]


def taken(path: Path, selection: Selection) -> list[float]:
    """Times of the frames that a selection without a range takes."""
    previous, times = None, []
    with open_source(path) as source:
        for frame in source.frames():
            if is_selected(selection, frame, previous):
                times.append(frame.time_s)
            previous = frame
    return times


@pytest.fixture(scope="module", name="video")
def a_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty frames, 25 a second."""
    return clip(tmp_path_factory.mktemp("selection") / "video.mp4", "-c:v", "libx264", "-bf", "2", seconds=2)


def test_every_frame_is_analysed_unless_told_otherwise(video: Path) -> None:
    assert numbers(video) == list(range(50))


def test_every_nth_frame_keeps_its_number_and_time(video: Path) -> None:
    assert numbers(video, every=7) == list(range(0, 50, 7))


def test_a_range_is_by_time_with_its_start_and_without_its_end(video: Path) -> None:
    assert numbers(video, start=0.4, end=1.0) == list(range(10, 25))
    assert numbers(video, start=1.95) == [49]
    assert numbers(video, end=0.001) == [0]


def test_a_range_takes_the_same_frames_and_its_own_first_one_by_rate(video: Path) -> None:
    for options in (Options(every=4), Options(fps=9), Options(fps=1.5), Options(fps=0.1)):
        whole = numbers(video, **options)
        ranged: Options = {**options, "start": 0.5, "end": 1.5}
        part = numbers(video, **ranged)
        first = {13} if "fps" in options else set()
        assert part == sorted(first | {i for i in whole if 0.5 <= i / 25 < 1.5})


def test_a_rate_takes_the_first_frame_of_each_interval(video: Path) -> None:
    assert numbers(video, fps=5) == list(range(0, 50, 5))
    assert numbers(video, fps=10) == [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28, 30, 33, 35, 38, 40, 43, 45, 48]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("rate", ["30", "30000/1001", "24000/1001", "60"])
def test_the_recordings_own_rate_or_a_higher_one_takes_every_frame(tmp_path: Path, suffix: str, rate: str) -> None:
    """Also where the container rounds times to milliseconds, as Matroska."""
    path = clip(tmp_path / f"video{suffix}", "-c:v", "libx264", "-preset", "ultrafast", rate=rate, seconds=2)
    over, _, under = rate.partition("/")
    own = int(over) / int(under or 1)
    everything = taken(path, Selection())
    assert len(everything) == round(2 * own)
    assert taken(path, Selection(fps=own)) == everything
    assert taken(path, Selection(fps=240)) == everything
    halved = taken(path, Selection(fps=own / 2))
    assert all(after - before == pytest.approx(2 / own, abs=0.002) for before, after in pairwise(halved))


def test_uneven_recordings_are_thinned_by_time_and_not_by_number(tmp_path: Path) -> None:
    """A second of 25 frames, then two at 5 frames a second: one in each half second, from both."""
    uneven = ("-vf", "select='lt(t,1)+not(mod(n,5))'", "-fps_mode", "vfr")
    path = clip(tmp_path / "uneven.mp4", "-c:v", "libx264", *uneven, seconds=3)
    assert taken(path, Selection(fps=2)) == pytest.approx([0, 0.52, 1.0, 1.6, 2.0, 2.6])


def test_no_frame_in_the_range_is_no_observation(video: Path) -> None:
    assert numbers(video, start=60) == []


@pytest.mark.parametrize(
    "options",
    [
        Options(every=0),
        Options(every=-3),
        Options(every=2.5),  # type: ignore[typeddict-item]
        Options(fps=0),
        Options(fps=float("nan")),
        Options(fps=float("inf")),
        Options(every=2, fps=5),
        Options(start=-1),
        Options(start=float("nan")),
        Options(start=3, end=3),
        Options(end=0),
        Options(end=float("nan")),
    ],
)
def test_what_chooses_nothing_or_makes_no_sense_is_refused(options: Options) -> None:
    with pytest.raises(InputError):
        fer_batch.analyze("any.mp4", **options)
