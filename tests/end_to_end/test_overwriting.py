"""Replacing results: the new ones take the old ones' place when they are whole, and not before."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from helpers.paths import EXAMPLE

import fer_batch
from fer_batch.batch.plan import plan
from fer_batch.batch.runner import run_serial
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import InputError, OutputError
from fer_batch.filesystem.atomic import PendingFile
from fer_batch.pipeline.result import RecordingResult
from fer_batch.video.open import open_source
from fer_batch.video.source import Source


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stopped(out: Path, at_frame: int, *, overwrite: bool = False) -> RecordingResult:
    """A run over 0.5 seconds, that is 12 frames, that is told to stop after some frame."""
    stop, selection = Event(), Selection(end_s=0.5)
    planned = plan([EXAMPLE], Outputs(out), Settings(batch_size=1), selection, overwrite)

    def watch(progress: object) -> None:
        if getattr(progress, "frames", 0) == at_frame:
            stop.set()

    (outcome,) = run_serial(planned, Settings(batch_size=1), selection, on_progress=watch, stop=stop)
    return outcome


def test_results_are_replaced_and_what_is_no_longer_asked_for_goes(tmp_path: Path) -> None:
    fer_batch.analyze(EXAMPLE, output=tmp_path, format="both", video=True, end=0.3)
    assert list(tmp_path.rglob("*.csv"))
    before = fer_batch.load(tmp_path)

    after = fer_batch.analyze(EXAMPLE, output=tmp_path, overwrite=True, end=0.6)

    assert len(after) > len(before)
    assert not list(tmp_path.rglob("*.csv"))
    assert not list((tmp_path / "annotated").rglob("*.mp4"))


def test_a_run_that_fails_leaves_the_former_results(tmp_path: Path) -> None:
    before = fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.3)

    with pytest.raises(InputError):
        fer_batch.analyze(EXAMPLE, output=tmp_path, overwrite=True, start=1000)

    assert fer_batch.load(tmp_path).equals(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["pyarrow.parquet.write_table", "fer_batch.annotation.encoder_stream.EncoderStream.finish"]
)
def test_a_disk_that_is_full_at_the_end_leaves_all_former_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    fer_batch.analyze(EXAMPLE, output=tmp_path, video=True, format="both", end=0.3)
    before = contents(tmp_path)

    def full(*arguments: object, **named: object) -> None:  # noqa: ARG001
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(place, full)
    with pytest.raises(OutputError):
        fer_batch.analyze(EXAMPLE, output=tmp_path, video=True, format="both", end=0.6, overwrite=True)
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_results_replaced_in_part_do_not_count_as_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.3)
    publish = PendingFile.publish

    def fail(self: PendingFile) -> None:
        if "timelines" in self.path.parts:
            self.discard()
            raise OutputError("no")
        publish(self)

    with monkeypatch.context() as patch:
        patch.setattr(PendingFile, "publish", fail)
        with pytest.raises(OutputError):
            fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.6, overwrite=True)
    again = fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.6)
    assert again.equals(fer_batch.analyze(EXAMPLE, end=0.6))


@pytest.mark.slow
def test_an_interrupted_run_leaves_complete_results_and_replaces_others(tmp_path: Path) -> None:
    assert stopped(tmp_path, at_frame=3).record.status == "partial"
    assert stopped(tmp_path, at_frame=5).record.counts["frames_analysed"] == 5
    # Nothing comes after the last frame, so nothing is left out.
    assert stopped(tmp_path, at_frame=12).record.status == "done"
    before = contents(tmp_path)
    outcome = stopped(tmp_path, at_frame=3, overwrite=True)
    assert outcome.record.error is not None
    assert "interrupted; the results of the earlier run are kept" in outcome.record.error
    assert contents(tmp_path) == before


def test_another_file_of_the_same_name_is_not_taken_for_done(tmp_path: Path) -> None:
    first, second, out = (tmp_path / name for name in ("first", "second", "out"))
    for folder in (first, second):
        folder.mkdir()
    path = Path(shutil.copy(EXAMPLE, first / "clip.mp4"))
    other = Path(shutil.copy(EXAMPLE.parent / "astronaut.png", second / "clip.mp4"))
    rows = fer_batch.analyze(path, output=out, end=0.3)
    with pytest.raises(InputError, match=r"another file of this name \(.*first/clip.mp4\)"):
        fer_batch.analyze(other, output=out, end=0.3)
    # Moved, it is still the same.
    path.replace(other)
    assert fer_batch.analyze(other, output=out, end=0.3).equals(rows)


@pytest.mark.slow
def test_videos_that_differ_in_their_suffix_never_lose_an_annotated_copy(tmp_path: Path) -> None:
    out = tmp_path / "out"
    one, two = (Path(shutil.copy(EXAMPLE, tmp_path / name)) for name in ("clip.mp4", "clip.mov"))
    fer_batch.analyze(one, output=out, video=True, end=0.3)
    copy = (out / "annotated" / "clip.mp4").read_bytes()
    for overwrite in (False, True):
        fer_batch.analyze(two, output=out, video=True, end=0.3, overwrite=overwrite)
        assert (out / "annotated" / "clip.mp4").read_bytes() == copy
        assert (out / "annotated" / "clip.mov.mp4").is_file()
    fer_batch.analyze(one, output=out, end=0.3, overwrite=True)
    assert [path.name for path in (out / "annotated").iterdir()] == ["clip.mov.mp4"]
    fer_batch.analyze(two, output=out, end=0.3, overwrite=True)
    assert not list((out / "annotated").iterdir())


@pytest.mark.slow
def test_a_format_that_is_missing_is_added(tmp_path: Path) -> None:
    planned = plan([EXAMPLE], Outputs(tmp_path, "csv", video=False), Settings(), Selection(end_s=0.3))
    assert [outcome.record.status for outcome in run_serial(planned, Settings(), Selection(end_s=0.3))] == ["done"]
    rows = fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.3)
    assert rows.equals(fer_batch.analyze(EXAMPLE, end=0.3))
    assert list(tmp_path.rglob("*.csv"))
    shutil.rmtree(tmp_path / "tracks")
    fer_batch.analyze(EXAMPLE, output=tmp_path, end=0.3)
    assert len(fer_batch.tracks(tmp_path)) == 1, "so is a table that somebody has removed"


def test_what_nobody_foresaw_ends_one_recording_and_not_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stills = [shutil.copy(EXAMPLE.parent / "astronaut.png", tmp_path / name) for name in ("a.png", "b.png")]

    def fail(path: Path, *limits: Any) -> Source:
        if path.name == "a.png":
            raise ValueError("odd\npicture")
        return open_source(path, *limits)

    monkeypatch.setattr("fer_batch.pipeline.recording.open_source", fail)
    with pytest.raises(InputError, match=r"a\.png: could not be analysed \(ValueError: odd picture\)"):
        fer_batch.analyze(*stills, output=tmp_path / "out")
    assert fer_batch.load(tmp_path / "out")["recording"].to_list() == ["b.png"]
