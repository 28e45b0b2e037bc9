"""The command line on a folder of samples between two good recordings, and what is wrong with how it went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from helpers import no_network
from helpers.robustness.containers import Sample

import fer_batch
from fer_batch.results.layout import Layout

MEMORY_LIMIT_MB: Final = 900
"""Peak resident memory that each process may have."""
_RUN_S: Final = 240
"""Longest run; ten seconds are usual on two cores that do nothing else."""
_POLL_S: Final = 0.05
_UNAVAILABLE: Final = no_network.unavailable()


@dataclass(frozen=True, slots=True)
class Good:
    """Recordings that others must not disturb."""

    files: dict[str, bytes] = field(repr=False)
    """By name: the first and the last of every folder."""
    rows: dict[str, list[pa.Table]] = field(repr=False)
    """Timeline, tracks and episodes of each, analysed undisturbed."""


def undisturbed(files: dict[str, bytes], place: Path) -> Good:
    """Analyses good recordings alone."""
    done, out, _ = _analyzed(files, place, "--no-video")
    assert done.returncode == 0, done.stderr
    return Good(files, {name: _rows(out, name) for name in files})


def assert_harmless(samples: Sequence[Sample], good: Good, place: Path, *, video: bool) -> None:
    """Asserts that samples, analysed in one run, keep every promise; else names those that break one.

    Args:
        samples: are kept in ``place``, with the results of the run.
        good: lie in the same folder.
        place: an empty folder.
        video: whether annotated copies are made.
    """
    found = faults(samples, good, place / "together", video=video)
    if "" in found and len(samples) > 1:
        # The run as a whole does not show which one it was.
        for number, sample in enumerate(samples):
            alone = faults([sample], good, place / f"alone{number:02}", video=video)
            if alone:
                found[sample.name] = "alone: " + "; ".join(alone.values())
    report = "\n".join(f"{name or 'the run'}: {fault}" for name, fault in found.items())
    assert not found, f"in {place}:\n{report}"


def faults(samples: Sequence[Sample], good: Good, place: Path, *, video: bool) -> dict[str, str]:
    """Every promise that a run on the samples breaks, by the name of the file; by "" what no single one shows."""
    files = {**good.files, **{sample.name: sample.data for sample in samples}}
    try:
        done, out, peak_mb = _analyzed(files, place, *(() if video else ("--no-video",)))
    except subprocess.TimeoutExpired:
        waiting = [name for name in files if not Layout(place / "out").record(name).is_file()]
        return dict.fromkeys(waiting or [""], f"is not done after {_RUN_S} s")
    found = {sample.name: fault for sample in samples if (fault := _record_fault(out, sample.name)) is not None}
    for name, rows in good.rows.items():
        if (fault := _record_fault(out, name, status="done")) is not None:
            found[name] = fault
        elif _rows(out, name) != rows:
            found[name] = "has other rows than alone"
    whole = {
        f"exit status {done.returncode}": done.returncode not in (0, 1),
        "a traceback": "Traceback" in done.stderr + done.stdout,
        f"{peak_mb:.0f} MB in one process": peak_mb > MEMORY_LIMIT_MB,
        "a changed input": any((place / "in" / name).read_bytes() != data for name, data in files.items()),
        f"left behind: {_left_behind(place, files)}": bool(_left_behind(place, files)),
    }
    broken = "; ".join(what for what, is_so in whole.items() if is_so)
    return {**found, "": f"{broken}\n{done.stderr[-2000:]}"} if broken else found


def _analyzed(
    files: dict[str, bytes], place: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], Path, float]:
    """The finished command, its output folder, and the most memory that one of its processes had, in MB."""
    for folder in ("in", "here", "home", "tmp"):
        (place / folder).mkdir(parents=True)
    for name, data in files.items():
        (place / "in" / name).write_bytes(data)
    command = [sys.executable, "-B", "-m", "fer_batch", "analyze", "../in", "-o", "../out", "--workers", "2", *options]
    environment = {
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(fer_batch.__file__).parents[1]),
    }
    with _watched() as peaks:
        if _UNAVAILABLE is None:
            done = no_network.run(command, environment, place / "here", _RUN_S)
        else:
            done = subprocess.run(
                command,
                env={**os.environ, **environment},
                cwd=place / "here",
                capture_output=True,
                text=True,
                check=False,
                timeout=_RUN_S,
            )
    return done, place / "out", max(peaks, default=0.0)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Peak resident memory of this process's children while the block runs, in MB; empty where there is no /proc.

    One that has twice what is allowed is ended, so that a fault does not take the machine with it.
    """
    peaks: list[float] = []
    over = Event()

    def watch() -> None:
        own = psutil.Process().cmdline()
        while not over.wait(_POLL_S):
            for child in psutil.Process().children(recursive=True):
                with suppress(OSError, StopIteration, psutil.Error):
                    if child.cmdline() == own:  # just forked: its peak is that of the tests' own process
                        continue
                    status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8").splitlines()
                    kilobytes = next(line for line in status if line.startswith("VmHWM")).split()[1]
                    peaks.append(int(kilobytes) * 1024 / 1e6)
                    if peaks[-1] > 2 * MEMORY_LIMIT_MB:
                        child.kill()

    watcher = Thread(target=watch, name="memory watch")
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _record_fault(out: Path, name: str, status: str | None = None) -> str | None:
    """What is wrong with a recording's document, and with the rows that belong to it."""
    path = Layout(out).record(name)
    if not path.is_file():
        return "has no record"
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["status"] not in ((status,) if status else ("done", "partial", "failed")):
        return f"is {record['status']}: {record['error']}"
    error = record["error"] or ""
    # What is wrong with the annotated copy names the copy.
    if record["status"] != "done" and Path(name).stem not in error:
        return f"is {record['status']} without a sentence that names it: {error}"
    if "--debug" in error:
        return f"fails in an unforeseen way: {error}"
    if Layout(out).timeline(name).is_file() == (record["status"] == "failed"):
        return f"is {record['status']} and its timeline does not go with that"
    missing = [file for file in record["files"] if not (out / file).exists()]
    return f"lists what is not there: {missing}" if missing else None


def _rows(out: Path, name: str) -> list[pa.Table]:
    layout = Layout(out)
    parts = (layout.timeline(name), layout.tracks(name), layout.episodes(name))
    return [pq.ParquetFile(part).read().replace_schema_metadata() for part in parts]


def _left_behind(place: Path, files: dict[str, bytes]) -> list[str]:
    """What a run has written besides its results: outside the output folder, or under a temporary name in it."""
    outside = [path for folder in ("here", "home", "tmp") for path in (place / folder).rglob("*")]
    outside += [path for path in (place / "in").iterdir() if path.name not in files]
    outside += [path for path in place.iterdir() if path.name not in ("in", "here", "home", "tmp", "out")]
    temporary = [path for path in (place / "out").rglob("*") if path.name.startswith(".") or ".tmp" in path.name]
    return sorted(path.relative_to(place).as_posix() for path in outside + temporary)
