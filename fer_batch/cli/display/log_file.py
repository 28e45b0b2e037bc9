"""A run as a log file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from fer_batch.batch.messages import Event, Finished, LogMessage, Probed, Progressed, Started, WorkerLost
from fer_batch.cli.wording import command_line_words, sentence_of
from fer_batch.errors import OutputError
from fer_batch.utils.text import counted, faults, shown


class LogFile:
    """A watcher of a run that adds lines to a file, each with the local time; it ends with the run.

    Args:
        path: added to, so that the log of a study in several runs is in one file; None writes nothing.
        on_failure: given a sentence when it cannot be written any more, as on a full disk; the run goes on.

    Raises:
        OutputError: from entering, when the file cannot be written.
    """

    def __init__(self, path: Path | None, on_failure: Callable[[str], None] = lambda sentence: None) -> None:  # noqa: ARG005
        self._path, self._on_failure = path, on_failure

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            except OSError as error:
                raise OutputError(
                    f"{self._path}: cannot be written ({error.strerror}); give another file with --log-file."
                ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is not None:
            if error is not None:
                self.note(f"ended by {kind.__name__ if kind else ''}: {sentence_of(error)}")
            self._file.close()

    def note(self, text: str) -> None:
        """Adds something, a line or several."""
        if self._path is None:
            return
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            for line in text.rstrip().splitlines():
                self._file.write(f"{now} {shown(line)}\n")
        except OSError as error:
            # A night's work does not end for want of its log.
            path, self._path = self._path, None
            with suppress(OSError):
                self._file.close()
            self._on_failure(f"{path}: cannot be written any more ({error.strerror}); the run goes on without its log.")

    def __call__(self, event: Event) -> None:
        """Adds what has happened."""
        match event:
            case Probed(probes):
                self.note(f"{counted(len(probes), 'video')} can be opened")
            case Started(worker, task, process):
                self.note(f"worker {worker}: {task.recording.id}: begins ({task.reason}; process {process})")
            case WorkerLost(worker, task, error, again):
                self.note(
                    f"worker {worker}: {sentence_of(error)} {'It is tried once more.' if again else 'It is given up.'}"
                )
            case Finished(worker, task, outcome):
                record, counts = outcome.record, outcome.record.counts
                took_s = (record.finished_at - record.started_at).total_seconds()
                done = (
                    f", {counted(counts['frames_analysed'], 'frame')}, {counted(counts['rows'], 'face')}"
                    if counts
                    else ""
                )
                self.note(f"worker {worker}: {task.recording.id}: {record.status} in {took_s:.1f} s{done}")
                if record.error is not None:
                    self.note(f"worker {worker}: {record.worded(command_line_words)}")
                if damage := faults(counts):
                    self.note(f"worker {worker}: {task.recording.id}: {damage}")
            case LogMessage(worker, text):
                for line in text.splitlines():
                    self.note(f"worker {worker}: | {line}")
            case Progressed():
                pass
