"""A long recording whose analysis is killed is gone on with, and its results are those of an undisturbed run."""

from __future__ import annotations

import errno
import json
import os
import random
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Timer
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.paths import EXAMPLE

import fer_batch
from fer_batch.batch.plan import plan
from fer_batch.batch.runner import run_serial
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError, OutputError
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.checkpoint.store import CheckpointStore
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording, publish_committed
from fer_batch.pipeline.result import RecordingResult, read_record
from fer_batch.results.layout import PART, Layout, partition
from fer_batch.utils.jsonable import from_text, to_text

SELECTION = Selection(every=2, start_s=0.5, end_s=9)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(Settings()) as engine:
        yield engine


def analyze(engine: Engine, out: Path, *, clip: Path = EXAMPLE, commit_s: float = 0.05, **more: Any) -> RecordingResult:
    recording, outputs = Recording(clip.name, clip), Outputs(out, "both")
    return analyze_recording(engine, recording, SELECTION, outputs, commit_s=commit_s, **more)


@pytest.fixture(scope="module")
def undisturbed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the example, written in one go."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert analyze(engine, out, commit_s=1e9).record.status == "done"
    return out


def assert_same(out: Path, expected: Path, clip: str = EXAMPLE.name) -> None:
    """Every output is what the other folder has, down to the row groups, and nothing else is there."""
    for one, other in ((each(out), each(expected)) for each in (fer_batch.load, fer_batch.tracks, fer_batch.episodes)):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    for kind in ("timelines", "tracks", "episodes"):
        files = [pq.ParquetFile(folder / kind / partition(clip) / PART) for folder in (out, expected)]
        groups = [[file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] for file in files]
        assert groups[0] == groups[1]
        assert files[0].read().equals(files[1].read(), check_metadata=True)
    assert (out / "csv" / f"{clip}.csv").read_bytes() == (expected / "csv" / f"{clip}.csv").read_bytes()
    records = [json.loads((folder / "recordings" / f"{clip}.json").read_text()) for folder in (out, expected)]
    for name in ("status", "error", "retry", "counts", "files", "input", "settings"):
        assert records[0][name] == records[1][name], name
    copies = [folder / "annotated" / clip for folder in (out, expected)]
    assert picture_times(copies[0]) == picture_times(copies[1])
    np.testing.assert_array_equal(heard(copies[0]), heard(copies[1]))
    assert written(out) == written(expected)


def written(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))


def picture_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [picture.time for picture in container.decode(video=0) if picture.time is not None]


def heard(path: Path) -> np.ndarray[Any, Any]:
    """Samples and when they are heard."""
    with av.open(str(path)) as container:
        blocks = [
            np.vstack([np.full(each.samples, each.time), each.to_ndarray().reshape(-1, each.samples)])
            for each in container.decode(audio=0)
        ]
    return np.hstack(blocks)


CHILD = """
import sys
from pathlib import Path
from fer_batch.pipeline.engine import Engine
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.config import Outputs, Selection, Settings
path, out = Path(sys.argv[1]), Path(sys.argv[2])
with Engine(Settings()) as engine:
    analyze_recording(engine, Recording(path.name, path), Selection(fps=6), Outputs(out, "both"), commit_s=0.4)
"""


def over_a_minute(folder: Path) -> Path:
    path = folder / "two minutes.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", "3", "-i", EXAMPLE, "-c", "copy", path]
    subprocess.run(command, check=True)
    return path


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_run_has_the_results_of_an_undisturbed_one(engine: Engine, tmp_path: Path, kills: int) -> None:
    clip = EXAMPLE if kills == 1 else over_a_minute(tmp_path)
    out, seed = tmp_path / "out", time.time_ns()
    moments = random.Random(seed)
    recording = Recording(clip.name, clip)
    last, numbers = 0, []
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", CHILD, clip, out], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while True:
            commit = CheckpointStore(Layout(out), recording.id).last()
            if commit is not None and commit.number > last:
                break
            assert child.poll() is None, "done before it could be killed"
            assert time.monotonic() < deadline, "no commit"
            time.sleep(0.05)
        time.sleep(moments.uniform(0, 0.4))
        assert child.poll() is None
        child.kill()
        child.wait()
        commit = CheckpointStore(Layout(out), recording.id).last()
        assert commit is not None
        last = commit.number
        numbers.append(last)
    folder = out / ".unfinished"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())] == [0o700, 0o700]
    assert fer_batch.__version__
    selection = Selection(fps=6)
    assert analyze_recording(engine, recording, selection, Outputs(out, "both"), commit_s=1e9).record.status == "done"
    expected = tmp_path / "expected"
    analyze_recording(engine, recording, selection, Outputs(expected, "both"), commit_s=1e9)
    try:
        assert_same(out, expected, clip.name)
    except AssertionError as error:
        error.add_note(f"seed {seed}, commits {numbers}")
        raise


class Crash(BaseException):
    """The process ends here."""


STEPS = (
    "shutil.move",
    "fer_batch.pipeline.checkpoint.store.sync",
    "fer_batch.pipeline.checkpoint.store.to_text",
    "fer_batch.filesystem.atomic.sync",
    "pathlib.Path.replace",
    "fer_batch.pipeline.checkpoint.store.CheckpointStore.clean",
)


@pytest.mark.parametrize(
    ("step", "before"),
    [
        ("shutil.move", True),
        *(pytest.param(step, True, marks=pytest.mark.slow) for step in STEPS[1:]),
        *(pytest.param(step, False, marks=pytest.mark.slow) for step in ("shutil.move", "pathlib.Path.replace")),
    ],
    ids=lambda value: value if isinstance(value, str) else "before" if value else "after",
)
def test_a_crash_between_any_two_writes_of_a_commit_leaves_one_to_go_on_from(
    engine: Engine, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, before: bool
) -> None:
    committed = CheckpointStore.commit
    armed = Event()

    def commit(self: CheckpointStore, number: int, *rest: Any) -> None:
        committed(self, number, *rest)
        if number == 2:
            armed.set()

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointStore, "commit", commit)
        _crash_in(patch, step, armed, before)
        with pytest.raises(Crash):
            analyze(engine, tmp_path)
    last = CheckpointStore(Layout(tmp_path), EXAMPLE.name).last()
    assert last is not None
    assert last.number in {2, 3}
    resumed = []
    observe = engine.observe

    def told(*args: Any, **more: Any) -> Any:
        resumed.append(more["resume"].frame)
        return observe(*args, **more)

    monkeypatch.setattr(engine, "observe", told)
    assert analyze(engine, tmp_path, commit_s=1e9).record.status == "done"
    assert resumed == [last.frame]
    assert_same(tmp_path, undisturbed)


def _crash_in(patch: pytest.MonkeyPatch, step: str, armed: Event, before: bool) -> None:
    """Ends the process, as it were, at the first of these calls once armed."""
    owner, _, name = step.rpartition(".")
    from pkgutil import resolve_name

    called: Callable[..., Any] = getattr(resolve_name(owner), name)

    def crash(*args: Any, **more: Any) -> Any:
        if not armed.is_set():
            return called(*args, **more)
        if not before:
            called(*args, **more)
        raise Crash

    patch.setattr(step, crash)


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_leaves_the_commit_before(
    engine: Engine, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = CheckpointStore(Layout(tmp_path), EXAMPLE.name)

    def full(text: Any) -> str:
        if text["number"] == 3:
            raise OSError(errno.ENOSPC, "full")
        return to_text(text)

    with monkeypatch.context() as patch:
        patch.setattr("fer_batch.pipeline.checkpoint.store.to_text", full)
        with pytest.raises(OutputError, match="No space left"):
            analyze(engine, tmp_path)
    last = unfinished.last()
    assert last is not None
    assert last.number == 2
    assert not [name for name in written(tmp_path) if "part-" in name and not name.startswith(".")]
    assert analyze(engine, tmp_path).record.status == "done"
    assert_same(tmp_path, undisturbed)


def interrupted(engine: Engine, out: Path, clip: Path = EXAMPLE) -> RecordingResult:
    """Analyses until something was committed, and a little further."""
    stop = Event()

    def watch(_: object) -> None:
        if CheckpointStore(Layout(out), clip.name).last() is not None and not stop.is_set():
            Timer(0.2, stop.set).start()

    outcome = analyze(engine, out, clip=clip, stop=stop, on_progress=watch)
    assert outcome.record.status == "partial"
    assert outcome.record.retry
    return outcome


@pytest.mark.slow
def test_an_interrupted_analysis_publishes_what_it_has_and_goes_on_later(
    engine: Engine, undisturbed: Path, tmp_path: Path
) -> None:
    outcome = interrupted(engine, tmp_path)
    rows = fer_batch.load(tmp_path)
    assert len(rows) == outcome.record.counts["rows"] > 0
    pd.testing.assert_frame_equal(rows, fer_batch.load(undisturbed)[: len(rows)], check_exact=True)
    copied = picture_times(tmp_path / "annotated" / EXAMPLE.name)
    assert copied == picture_times(undisturbed / "annotated" / EXAMPLE.name)[: len(copied)]
    assert CheckpointStore(Layout(tmp_path), EXAMPLE.name).last() is not None
    _forge(tmp_path, EXAMPLE.name)
    assert analyze(engine, tmp_path).record.status == "done"
    assert_same(tmp_path, undisturbed)


def _forge(out: Path, recording: str) -> None:
    """A document that names a file elsewhere counts as none, and is put back."""
    unfinished = CheckpointStore(Layout(out), recording)
    document = unfinished.folder / "commit.json"
    text = document.read_text()
    known = from_text(text)
    elsewhere = out / "elsewhere.bin"
    elsewhere.write_bytes(b"1")
    name = "../../elsewhere.bin"
    document.write_text(to_text({**known, "state": name, "sizes": {**known["sizes"], name: 1}}))
    assert unfinished.last() is None
    document.write_text(text)
    elsewhere.unlink()
    assert unfinished.last() is not None


@pytest.mark.slow
@pytest.mark.parametrize("change", ["input", "fresh"])
def test_another_file_or_a_fresh_start_does_not_go_on(
    engine: Engine, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    clip, out = tmp_path / EXAMPLE.name, tmp_path / "out"
    clip.write_bytes(EXAMPLE.read_bytes())
    interrupted(engine, out, clip)
    if change == "input":
        os.utime(clip, ns=(1, 1))
    resumed = []
    observe = engine.observe

    def told(*args: Any, **more: Any) -> Any:
        resumed.append(more["resume"])
        return observe(*args, **more)

    monkeypatch.setattr(engine, "observe", told)
    assert analyze(engine, out, clip=clip, fresh=change == "fresh").record.status == "done"
    assert resumed == [None]
    pd.testing.assert_frame_equal(fer_batch.load(out), fer_batch.load(undisturbed), check_exact=True)
    assert not (out / ".unfinished").exists()


@pytest.mark.slow
def test_what_was_committed_is_published_when_nobody_can_go_on(
    engine: Engine, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, layout = Recording(EXAMPLE.name, EXAMPLE), Layout(tmp_path)
    assert publish_committed(layout, recording, FerBatchError("Ended twice.")) is None
    committed = CheckpointStore.commit

    def commit(self: CheckpointStore, number: int, *rest: Any) -> None:
        committed(self, number, *rest)
        if number == 2:
            raise Crash

    monkeypatch.setattr(CheckpointStore, "commit", commit)
    with pytest.raises(Crash):
        analyze(engine, tmp_path)
    outcome = publish_committed(layout, Recording(EXAMPLE.name, tmp_path / "unreadable"), FerBatchError("Ended twice."))
    assert outcome is not None
    record = read_record(layout, recording)
    assert record is not None
    assert (record.status, record.error, record.retry) == ("partial", "Ended twice.", True)
    rows = fer_batch.load(tmp_path)
    assert 0 < len(rows) == record.counts["rows"]
    pd.testing.assert_frame_equal(rows, fer_batch.load(undisturbed)[: len(rows)], check_exact=True)
    pd.testing.assert_frame_equal(fer_batch.episodes(tmp_path), fer_batch.episodes(rows), check_exact=True)
    copied = picture_times(tmp_path / "annotated" / EXAMPLE.name)
    assert copied == picture_times(undisturbed / "annotated" / EXAMPLE.name)[: len(copied)]
    # A later run goes on all the same.
    monkeypatch.undo()
    assert analyze(engine, tmp_path).record.status == "done"
    assert_same(tmp_path, undisturbed, EXAMPLE.name)


@pytest.mark.slow
def test_a_run_in_one_process_that_overwrites_begins_anew(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(engine, tmp_path)
    resumed = []
    observe = Engine.observe

    def told(*args: Any, **more: Any) -> Any:
        resumed.append(more["resume"])
        return observe(*args, **more)

    monkeypatch.setattr(Engine, "observe", told)
    planned = plan([EXAMPLE], Outputs(tmp_path, "both"), Settings(), SELECTION, overwrite=True)
    assert [outcome.record.status for outcome in run_serial(planned, Settings(), SELECTION)] == ["done"]
    assert resumed == [None]


@pytest.mark.parametrize(("error", "stays"), [(MemoryError, True), (ValueError, False)])
def test_a_want_of_memory_does_not_cost_what_was_committed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception], stays: bool
) -> None:
    interrupted(engine, tmp_path)

    def fails(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(engine, "observe", fails)
        assert isinstance(analyze(engine, tmp_path).cause, error)
    assert (CheckpointStore(Layout(tmp_path), EXAMPLE.name).last() is not None) == stays


@pytest.mark.parametrize("kind", ["state", "parts", "unlisted"])
def test_a_commit_that_names_files_elsewhere_does_not_count(engine: Engine, tmp_path: Path, kind: str) -> None:
    out, secret = tmp_path / "out", tmp_path / "secret"
    secret.write_text("not for others")
    interrupted(engine, out)
    unfinished = CheckpointStore(Layout(out), EXAMPLE.name)
    path = unfinished.folder / "commit.json"
    document = json.loads(path.read_text())
    if kind == "state":
        document["state"] = str(secret)
    else:
        document["parts"]["csv"] = [str(secret)]
    if kind != "unlisted":
        document["sizes"][str(secret)] = secret.stat().st_size
    path.write_text(json.dumps(document))
    assert unfinished.last() is None
