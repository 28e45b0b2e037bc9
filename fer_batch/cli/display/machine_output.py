"""Output for other programs: JSON lines of a run or of a live source, and failures as CSV."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Final, Self

from fer_batch.batch.messages import Event, Finished, Probed, Progressed, Started, WorkerLost
from fer_batch.batch.plan import Plan
from fer_batch.batch.progress import RunProgress
from fer_batch.cli.wording import command_line_words, sentence_of
from fer_batch.errors import OutputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.filesystem.overwriting import has_head
from fer_batch.inputs.discovery import Recording
from fer_batch.live.events import LiveMessage, Reported
from fer_batch.pipeline.result import earlier_outcome
from fer_batch.results.csv_text import escaped
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.jsonable import plain
from fer_batch.utils.text import faults, valid

_TELL_S = 1.0
"""Time between two lines about one worker's progress."""


class JsonEvents:
    """A watcher of a run that writes one JSON object a line to stdout, each with ``event`` and ``time``.

    A context manager. In order: ``begin``; ``kept`` for each recording that is done already; while it lasts ``probed``,
    ``started``, ``progress``, ``lost``, and ``finished`` with everything about a recording; ``end``, also when an error
    ends the run.

    Args:
        reached: kept up to date by somebody else, before this is told.
        plan: what will be done.
    """

    def __init__(self, progress: RunProgress, plan: Plan) -> None:
        self._progress, self._plan = progress, plan
        self._reported_s: dict[int, float] = {}
        self._statuses: dict[str, int] = {}
        self._heard = True

    def __enter__(self) -> Self:
        folder = self._plan.outputs.folder
        self._write("begin", output=str(folder), recordings=[one.id for one in self._plan.recordings])
        for record in self._plan.kept_records:
            self._write("kept", **earlier_outcome(Layout(folder), record).to_dict())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remaining = self._progress.total - self._progress.finished
        counts = {status: self._statuses.get(status, 0) for status in ("done", "partial", "failed")}
        self._write(
            "end",
            output=str(self._plan.outputs.folder),
            **counts,
            kept=len(self._plan.kept_records),
            not_begun=remaining,
        )

    def __call__(self, event: Event) -> None:
        """Writes a line."""
        match event:
            case Probed(probes):
                self._write("probed", recordings={name: probe.to_dict() for name, probe in probes.items()})
            case Started(worker, task, process):
                name = task.recording.id
                self._write("started", worker=worker, process=process, recording=name, reason=task.reason)
            case Progressed(worker, task, progress):
                if time.monotonic() - self._reported_s.get(worker, 0.0) < _TELL_S:
                    return
                self._reported_s[worker] = time.monotonic()
                frames, _ = self._progress.workers[worker].speed(time.monotonic())
                self._write(
                    "progress",
                    worker=worker,
                    recording=task.recording.id,
                    frames=progress.frames,
                    frames_total=progress.frames_total,
                    time_s=progress.time_s,
                    faces=progress.faces,
                    frames_per_second=round(frames, 1),
                    share_of_run=round(self._progress.share, 4),
                    remaining_s=self._progress.remaining_s,
                )
            case WorkerLost(worker, task, error, again):
                reason = sentence_of(error)
                self._write("lost", worker=worker, recording=task.recording.id, reason=reason, again=again)
            case Finished(worker, _, outcome):
                status = outcome.record.status
                self._statuses[status] = self._statuses.get(status, 0) + 1
                self._write("finished", worker=worker, **outcome.to_dict())

    def _write(self, event: str, **values: Any) -> None:
        line = {"event": event, "time": time.time(), **plain(values)}
        if self._heard:
            try:
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read has had enough, but it is the files that count.
                self._heard = False
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


_MOST_WAITING: Final = 10_000
"""Lines for a reader that is held up, some 3 MB: of more, the oldest go."""
_LAST_S: Final = 3.0
"""What is left at the end is waited for so long."""


class EventLines(Closeable):
    """Writes events from a thread of its own, so that whoever reads them holds up nobody."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._over = False
        # Not through Python's buffer, which the interpreter's end would wait for.
        self._descriptor = sys.stdout.fileno()
        self._thread = Thread(target=self._run, name="fer-batch event lines", daemon=True)
        self._thread.start()

    def __call__(self, name: str, message: LiveMessage) -> None:
        """Takes an event; waits for nobody."""
        del name
        if isinstance(message, Reported):
            line = json.dumps(message.event, ensure_ascii=False) + "\n"
            with self._changed:
                self._waiting.append(line.encode(errors="backslashreplace"))
                self._changed.notify()

    def close(self) -> None:
        """Writes what is left, if that does not take long."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join(_LAST_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    return
                line = self._waiting.popleft()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except BrokenPipeError:
                # Whoever read has had enough.
                return
            except OSError:
                # As on a disk that is full, and may have room for the next line.
                continue


_COLUMNS = ("recording", "source", "status", "error", "retry", "finished_at")


def is_failure_report(path: Path) -> bool:
    """Whether a file was written by :func:`write_failures`."""
    return has_head(path, ",".join(_COLUMNS).encode())


def is_device(path: Path) -> bool:
    """Whether it is written into as it is: standard output, a pipe, a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_report(path: Path) -> None:
    """Makes sure that the table can be written: in the morning it is too late to find out.

    Raises:
        OutputError: when it cannot.
    """
    if is_device(path):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file with --report.") from error


def write_failures(path: Path, records: Iterable[RecordingRecord], not_begun: Iterable[Recording] = ()) -> None:
    """Writes a CSV file with one row for each recording that is not done or damaged, none if all are well.

    Columns: recording, source (path of the file), status ("failed", "partial", "done" with damage, "not begun"), error
    (a sentence), retry (whether running again does it again) and finished_at (UTC). Text is escaped, see
    :mod:`fer_batch.results.csv_text`; :func:`fer_batch.read_csv` reads it.

    Args:
        path: the file.
        records: of all recordings that are over.
        not_begun: the others.

    Raises:
        OutputError: when it cannot be written.
    """
    rows: list[tuple[str, ...]] = []
    for one in records:
        damage = faults(one.counts)
        if one.status != "done" or damage:
            finished = one.finished_at.isoformat(timespec="seconds")
            reason = one.worded(command_line_words) or f"{one.source}: {damage}."
            rows.append((one.id, valid(one.source), one.status, reason, str(one.retry).lower(), finished))
    rows += [(one.id, valid(str(one.path)), "not begun", "The run ended before.", "true", "") for one in not_begun]
    with (
        nullcontext(path) if is_device(path) else whole(path) as target,
        explained(path),
        target.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        table.writerows([escaped(cell) for cell in row] for row in sorted(rows))
