"""The Python functions give what the command line writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.command import Run, files
from helpers.paths import EXAMPLES
from helpers.waiting import wait_until

import fer_batch
from fer_batch import EMOTIONS, InputError, ModelError
from fer_batch.video.frame import Frame
from fer_batch.video.video_reader import VideoFile

BOX = ["x", "y", "width", "height"]

# Notes every file that Python opens for writing and every folder, link or file that it makes.
IN_MEMORY = """
import os, sys
made = []
def note(event, arguments):
    path = arguments[0] if arguments else None
    if event in {"os.mkdir", "os.rename", "os.link", "os.symlink"}:
        made.append(f"{event} {path}")
    elif event == "open" and not isinstance(path, int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        made.append(f"open {os.fspath(path)}")
sys.addaudithook(note)
import fer_batch
table = fer_batch.analyze(sys.argv[1])
made = [entry for entry in made if os.environ["TMPDIR"] not in entry and os.devnull not in entry]
assert not made, made
table.to_parquet(sys.argv[2])
"""


@pytest.fixture(scope="module")
def timeline(example: Run) -> pd.DataFrame:
    return fer_batch.load(example.out)


def assert_same_faces(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """The same detections; places to 3 % of the face, as they are smoothed with what was analysed before."""
    assert len(ours) == len(theirs) > 0
    for name in ("frame", "time_s", "score"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    moved = ours[BOX].to_numpy() - theirs[BOX].to_numpy()
    assert (np.abs(moved) / theirs[["width"]].to_numpy()).max() < 0.03
    assert np.abs(ours[list(EMOTIONS)].to_numpy() - theirs[list(EMOTIONS)].to_numpy()).mean() < 0.02


@pytest.mark.slow
def test_analyze_without_output_writes_nothing_and_gives_the_same_to_the_bit(
    timeline: pd.DataFrame, clip: Path, tmp_path: Path
) -> None:
    places = {name: tmp_path / name for name in ("home", "tmp", "here")}
    for place in places.values():
        place.mkdir()
    table = tmp_path / "table.parquet"
    subprocess.run(
        [sys.executable, "-B", "-c", IN_MEMORY, str(clip), str(table)],
        check=True,
        cwd=places["here"],
        env={"HOME": str(places["home"]), "TMPDIR": str(places["tmp"])},
    )
    assert {name: files(place) for name, place in places.items()} == {"home": [], "tmp": [], "here": []}
    pd.testing.assert_frame_equal(pq.read_table(table).to_pandas(), timeline, check_exact=True)


def test_stream_gives_every_frame_and_its_faces(timeline: pd.DataFrame, clip: Path) -> None:
    rows = []
    frames = []
    for observation in fer_batch.stream(clip):
        frames.append(observation.frame)
        for face in observation:
            assert face.probabilities is not None
            rows.append((observation.frame, observation.time_s, face.track, *face.box, face.score, *face.probabilities))
            assert face.emotion == EMOTIONS[face.probabilities.argmax()]
    assert frames == list(range(472))
    columns = ["frame", "time_s", "track", "x", "y", "width", "height", "score", *EMOTIONS]
    np.testing.assert_array_equal(np.array(rows, np.float64), timeline[columns].to_numpy(np.float64))


@pytest.mark.slow
def test_stream_is_lazy_and_leaves_no_thread_when_closed_early(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0
    frames = VideoFile.frames

    def counted(self: VideoFile) -> Iterator[Frame]:
        nonlocal decoded
        for frame in frames(self):
            decoded += 1
            yield frame

    monkeypatch.setattr(VideoFile, "frames", counted)
    before = set(threading.enumerate())
    observations = fer_batch.stream(clip)
    assert decoded == 0
    first = next(iter(observations))
    assert (first.frame, first.time_s) == (0, 0.0)
    # Nobody draws, so nothing runs on but what fits between the stages.
    counts: list[int] = []

    def is_still() -> bool:
        counts.append(decoded)
        return len(counts) > 10 and counts[-10] == decoded

    wait_until(is_still)
    assert 0 < decoded < 120
    assert set(threading.enumerate()) > before
    observations.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"every": 7, "end": 4.0}, list(range(0, 96, 7))),
        ({"start": 2.0, "end": 3.0}, list(range(48, 72))),
        # The first frame of each quarter of a second at 23.976 frames a second.
        ({"fps": 4.0, "end": 3.0}, [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66]),
    ],
)
def test_options_choose_frames_and_change_nothing_else(
    timeline: pd.DataFrame, clip: Path, options: dict[str, Any], expected: list[int]
) -> None:
    chosen = fer_batch.analyze(clip, **options)
    assert chosen["frame"].to_list() == expected
    assert_same_faces(chosen, timeline[timeline["frame"].isin(expected)])


def test_analyze_with_output_gives_what_load_reads(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    still = EXAMPLES / "astronaut.png"
    rows = fer_batch.analyze(clip, still, output=out, end=1.0)
    assert set(rows["recording"]) == {clip.name, still.name}
    pd.testing.assert_frame_equal(rows, fer_batch.load(out))
    assert not (out / "annotated").exists()
    # Results that are there already are kept and returned.
    record = (out / "recordings" / f"{clip.name}.json").read_text()
    again = fer_batch.analyze(clip, output=out, end=1.0)
    pd.testing.assert_frame_equal(again, fer_batch.load(out, recordings=[clip.name]))
    assert (out / "recordings" / f"{clip.name}.json").read_text() == record
    # Those of other options are replaced.
    with pytest.warns(UserWarning, match=r"made with other settings \(every\), which will be replaced"):
        halved = fer_batch.analyze(clip, output=out, end=1.0, every=2)
    assert halved["frame"].to_list() == again["frame"].to_list()[::2]


def test_analyze_orders_rows_by_recording_wherever_they_go(tmp_path: Path) -> None:
    stills = [shutil.copy(EXAMPLES / "astronaut.png", tmp_path / name) for name in ("b.png", "a.png")]
    rows = fer_batch.analyze(*stills)
    assert rows["recording"].to_list() == ["a.png", "b.png"]
    pd.testing.assert_frame_equal(fer_batch.analyze(*stills, output=tmp_path / "out"), rows)
    none = fer_batch.load(tmp_path / "out", recordings=[])
    assert none.empty
    assert list(none) == list(rows)


def test_a_recording_that_is_cut_short_is_a_warning(clip: Path, tmp_path: Path) -> None:
    whole, short = tmp_path / "whole.mkv", tmp_path / "short.mkv"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-t", "2", "-i", clip, "-c", "copy", whole]
    subprocess.run(command, check=True)
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for call in (
        lambda: fer_batch.analyze(short),
        lambda: fer_batch.analyze(short, output=tmp_path / "out"),
        lambda: list(fer_batch.stream(short)),
    ):
        with pytest.warns(UserWarning, match="short.mkv") as said:
            call()
        assert [Path(each.filename).name for each in said] == [Path(__file__).name]


@pytest.mark.parametrize("output", [None, "out"])
def test_a_range_without_a_frame_is_an_error(clip: Path, tmp_path: Path, output: str | None) -> None:
    with pytest.raises(InputError, match="none of its frames is chosen"):
        fer_batch.analyze(clip, output=output and tmp_path / output, start=1000)


@pytest.mark.parametrize(
    "options",
    [{"bogus": 1}, {"start": None}, {"end": "3 o'clock"}, {"fps": "2"}, {"batch_size": 2.5}, {"min_score": None}],
)
def test_options_that_make_no_sense_are_told_at_once(clip: Path, options: dict[str, Any]) -> None:
    for call in (fer_batch.stream, fer_batch.analyze):
        with pytest.raises(InputError, match=r"\.$"):
            call(clip, **options)


def test_stream_tells_at_once_what_cannot_be_read_or_used(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        fer_batch.stream(tmp_path / "missing.mp4")
    with pytest.raises(ModelError, match="emotion-gray47"):
        fer_batch.stream(clip, model="emotion-gray47")
