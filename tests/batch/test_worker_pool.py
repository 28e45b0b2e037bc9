"""Runs whose workers are killed, hang or are orphaned: one recording's trouble is not another's."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from helpers.paths import EXAMPLES
from helpers.waiting import wait_until

import fer_batch
from fer_batch.batch.messages import Begin, Event, WorkerLost
from fer_batch.batch.plan import plan
from fer_batch.batch.runner import run_parallel
from fer_batch.batch.worker_pool import PoolOptions, WorkerPool
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(scope="module")
def study(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four recordings in which the same happens, so that what becomes of them can be compared."""
    folder = tmp_path_factory.mktemp("study")
    for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
        shutil.copy(clip, folder / name)
    return folder


@pytest.fixture(scope="module")
def undisturbed(study: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """One process, one recording after another."""
    return fer_batch.analyze(study, output=tmp_path_factory.mktemp("undisturbed"), fps=8)


class Watched:
    """A run in a process of its own, and what it tells."""

    def __init__(self, script: Path, *arguments: str | Path) -> None:
        command = [script, "analyze", *arguments, "--json", "--no-video", "--fps", "8"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            yield self.events[-1]

    def ended(self) -> tuple[int, str]:
        for _ in self:
            pass
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr

    def statuses(self) -> dict[str, str]:
        return {each["id"]: each["status"] for each in self.events if each["event"] == "finished"}


@contextmanager
def watched(script: Path, *arguments: str | Path) -> Iterator[Watched]:
    run = Watched(script, *arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


def assert_same(out: Path, undisturbed: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(fer_batch.load(out), undisturbed, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "was killed"), (signal.SIGSEGV, "crashed (SIGSEGV)"), (signal.SIGSTOP, "hung: it gave no sign")],
)
def test_a_worker_that_dies_or_hangs_costs_nothing(
    script: Path, study: Path, undisturbed: pd.DataFrame, tmp_path: Path, number: signal.Signals, reason: str
) -> None:
    out = tmp_path / "out"
    with watched(script, study, "-o", out, "--workers", "2", "--stall-limit", "10") as run:
        struck = None
        for event in run:
            if event["event"] == "started" and struck is None:
                struck = event
            elif struck is not None and event["event"] == "progress" and event["worker"] == struck["worker"]:
                os.kill(struck["process"], number)
                break
        status, stderr = run.ended()
    assert struck is not None
    assert status == 0, stderr
    assert f"the process that analysed it {reason}" in stderr
    assert "It is tried once more." in stderr
    (lost,) = [event for event in run.events if event["event"] == "lost"]
    assert lost["recording"] == struck["recording"]
    assert set(run.statuses().values()) == {"done"}
    assert_same(out, undisturbed)


@pytest.mark.slow
def test_a_recording_that_takes_its_worker_with_it_twice_has_failed_and_the_others_are_done(
    script: Path, study: Path, undisturbed: pd.DataFrame, tmp_path: Path
) -> None:
    out, report, log = tmp_path / "out", tmp_path / "reports" / "failures.csv", tmp_path / "run.log"
    with watched(script, study, "-o", out, "--workers", "2", "--report", report, "--log-file", log) as run:
        for event in run:
            if event["event"] == "started" and event["recording"] == "c.mp4":
                os.kill(event["process"], signal.SIGBUS)
        status, stderr = run.ended()
    assert status == 1, stderr
    assert run.statuses() == {"a.mp4": "done", "b.mp4": "done", "c.mp4": "failed", "d.mp4": "done"}
    sentence = f"{study / 'c.mp4'}: the process that analysed it crashed (SIGBUS)."
    assert f"Error: {sentence}" in stderr.splitlines()
    with report.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["recording"], row["status"], row["error"], row["retry"]) == ("c.mp4", "failed", sentence, "true")
    assert log.read_text().count("c.mp4: begins (new; process") == 2
    assert not [path for path in out.rglob("*") if path.name.startswith(".")], "nothing half-written stays"

    # The next run does this one alone.
    with watched(script, study, "-o", out) as again:
        assert again.ended()[0] == 0
    assert again.statuses() == {"c.mp4": "done"}
    assert_same(out, undisturbed)
    with watched(script, study, "-o", out) as nothing:
        assert nothing.ended()[0] == 0
    assert nothing.statuses() == {}


@pytest.mark.slow
def test_files_that_end_every_worker_that_opens_them_do_not_end_the_run(clip: Path, tmp_path: Path) -> None:
    """As a fault in a decoder does, more often in a row than workers would be started in vain."""
    fatal = tmp_path / "a program of its own"
    fatal.mkdir()
    # In the place of the module that opens recordings, for the worker processes alone.
    (fatal / "av.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    stills = [shutil.copy(EXAMPLES / "astronaut.png", tmp_path / f"{name}.png") for name in "abc"]
    planned = plan([*stills, clip], Outputs(tmp_path / "out", video=False), Settings(), Selection())
    events: list[Event] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(fatal)
        outcomes = list(run_parallel(planned, Begin(Settings(), Selection(), 1), PoolOptions(2), events.append))
    assert {outcome.record.id: outcome.record.status for outcome in outcomes} == dict.fromkeys(
        ("a.png", "b.png", "c.png", clip.name), "failed"
    )
    assert all("crashed (SIGSEGV)" in str(outcome.record.error) for outcome in outcomes)
    assert sum(isinstance(event, WorkerLost) for event in events) == 8


@pytest.mark.slow
def test_two_runs_never_write_to_one_folder(script: Path, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with watched(script, study, "-o", out) as run:
        next(event for event in run if event["event"] == "started")
        # However fast the first one is, the second begins before it ends.
        run.process.send_signal(signal.SIGSTOP)
        try:
            second = subprocess.run(
                [script, "analyze", study, "-o", out, "--no-video"], capture_output=True, text=True, check=False
            )
        finally:
            run.process.send_signal(signal.SIGCONT)
        assert second.returncode == 2
        assert f"{out}: another run is writing there (process {run.process.pid}, since" in second.stderr
        assert run.ended()[0] == 0


@pytest.mark.slow
def test_workers_do_not_outlive_a_run_that_is_killed(
    script: Path, study: Path, undisturbed: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with watched(script, study, "-o", out, "--workers", "2") as run:
        workers = set()
        for event in run:
            if event["event"] == "started":
                workers.add(event["process"])
            elif event["event"] == "progress":
                run.process.kill()
    assert workers
    # None goes on alone.
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 5)
    with watched(script, study, "-o", out) as again:
        status, stderr = again.ended()
    assert status == 0, stderr
    assert_same(out, undisturbed)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_results_do_not_depend_on_the_number_of_workers(
    study: Path, undisturbed: pd.DataFrame, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    fer_batch.analyze(study, output=out, fps=8, workers=workers)
    assert_same(out, undisturbed)


@pytest.mark.slow
def test_a_dry_run_changes_nothing(script: Path, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command: Callable[..., list[str | Path]] = lambda *more: [script, "analyze", study, "-o", out, *more]  # noqa: E731
    said = subprocess.run(command("--dry-run", "--fps", "8"), capture_output=True, text=True, check=True).stdout
    lines = said.splitlines()
    assert [line.split()[:3] for line in lines[1:5]] == [[f"{name}.mp4", "0:19.7", "640x360"] for name in "abcd"]
    assert lines[5] == "4 recordings, 1:18.7 of video to analyse; 0 done already, kept"
    assert lines[6].startswith("about ")
    assert not out.exists()


@pytest.mark.slow
def test_a_worker_that_says_what_nobody_understands_ends_the_run(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an installation does at the start of each Python comes before anything that a worker could do about it.
    (tmp_path / "sitecustomize.py").write_text('print("hello")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("fer_batch.workers.process._END_S", 0.5)
    settings, selection = Settings(), Selection()
    planned = plan([clip], Outputs(tmp_path / "out"), settings, selection)
    errors: list[str] = []

    def look() -> None:
        with WorkerPool(Begin(settings, selection, 1), PoolOptions(1), lambda event: None, Flag()) as crew:  # noqa: ARG005
            try:
                crew.look(planned.tasks * 3)
            except FerBatchError as error:
                errors.append(str(error))

    looking = Thread(target=look, daemon=True)
    looking.start()
    looking.join(60)
    assert not looking.is_alive()
    assert ["sent something that is no message" in error for error in errors] == [True]
