"""Progress of a run: bars on a terminal within 80 columns, plain lines in a pipe."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from fer_batch.batch.messages import Event, Finished, LogMessage, Probed, Progressed, Started, WorkerLost
from fer_batch.batch.progress import Activity, RunProgress
from fer_batch.cli.display.terminal import LINE_SECONDS, Notices
from fer_batch.utils.text import counted, duration_words, short, shown

_REDRAW_S = 0.1
_NAME = 20
"""Letters of a recording's name."""


class Bars:
    """A watcher of a run that draws; a context manager, and nothing of it stays on the screen.

    Args:
        reached: kept up to date by somebody else, before this is told.
        console: of stderr.
    """

    def __init__(self, progress: RunProgress, console: Console) -> None:
        self._progress = progress
        self._drawn_s = 0.0
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(min_width=6, ratio=1)),
            TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True, justify="right")),
            console=console,
            transient=True,
            expand=True,
        )
        self._whole: TaskID | None = None
        self._rows: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        if self._progress.total > 1:
            self._whole = self._add(f"0/{self._progress.total} done")
        else:
            self._rows[1] = self._add("starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Draws what has changed."""
        match event:
            case Started(worker, task, _):
                row = self._rows.get(worker)
                name = short(shown(task.recording.id), _NAME)
                if row is None:
                    self._rows[worker] = self._add(name)
                else:
                    self._bars.reset(row, total=None, description=name, numbers="", left="", visible=True)
            case Finished(worker, _, _) | WorkerLost(worker, _, _, _) if worker in self._rows:
                self._bars.update(self._rows[worker], visible=False)
        now = time.monotonic()
        if not isinstance(event, Progressed) or now - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now
            self._draw(now)

    def _add(self, description: str) -> TaskID:
        return self._bars.add_task(description, total=None, numbers="", left="")

    def _draw(self, now: float) -> None:
        progress = self._progress
        if self._whole is not None:
            failed = f", {progress.failed} failed" if progress.failed else ""
            self._bars.update(
                self._whole,
                description=f"{progress.finished}/{progress.total} done{failed}",
                completed=progress.share,
                total=1,
                numbers=f"{progress.times_real_time:.1f}x real time",
                left=_remaining(progress.remaining_s),
            )
        for worker, activity in progress.workers.items():
            if worker in self._rows and activity.progress is not None:
                self._draw_worker(self._rows[worker], activity, now)

    def _draw_worker(self, row: TaskID, activity: Activity, now: float) -> None:
        assert activity.progress is not None
        frames, seconds = activity.speed(now)
        total = activity.progress.frames_total
        remaining = None if not (total and frames) else max(0, total - activity.progress.frames) / frames
        self._bars.update(
            row,
            completed=activity.share,
            total=1 if total else None,
            numbers=f"{frames:.0f} frames/s, {seconds:.1f}x",
            left=_remaining(remaining),
        )


def _remaining(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration_words(seconds)} left"


class Lines:
    """A watcher of a run that says how far it is.

    Args:
        reached: kept up to date by somebody else, before this is told.
        notices: says it.
    """

    def __init__(self, progress: RunProgress, notices: Notices) -> None:
        self._progress = progress
        self._say = notices.say
        self._reported_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Says what there is to say."""
        match event:
            case Started() | Probed():
                if self._progress.total == 1:
                    self._reported_s = time.monotonic()
            case Progressed() if time.monotonic() - self._reported_s >= LINE_SECONDS:
                self._reported_s = time.monotonic()
                self._say(self._of_all() if self._progress.total > 1 else self._of_one(event))
            case Finished(_, task, outcome) if outcome.record.status != "failed":
                counts = outcome.record.counts
                place = f"[{self._progress.finished}/{self._progress.total}] " if self._progress.total > 1 else ""
                done = f"{counted(counts['frames_analysed'], 'frame')}, {counted(counts['rows'], 'face')}"
                self._say(f"{place}{task.recording.id}: {outcome.record.status}, {done}.")
            case Progressed() | WorkerLost() | LogMessage() | Finished():
                pass

    def _of_one(self, event: Progressed) -> str:
        activity, progress = self._progress.workers[event.worker], event.progress
        frames, seconds = activity.speed(time.monotonic())
        of = f"/{progress.frames_total}" if progress.frames_total else ""
        return (
            f"{event.task.recording.id}: {progress.frames}{of} frames, {frames:.0f}/s, {seconds:.1f}x, "
            f"{counted(progress.faces, 'face')}"
        )

    def _of_all(self) -> str:
        progress = self._progress
        remaining = "" if progress.remaining_s is None else f", {duration_words(progress.remaining_s)} left"
        failed = f", {progress.failed} failed" if progress.failed else ""
        return (
            f"{progress.finished} of {progress.total} done{failed}, {progress.share:.0%}, "
            f"{progress.times_real_time:.1f}x real time{remaining}"
        )
