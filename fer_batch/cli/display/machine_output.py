"""A run as JSON lines for other programs."""

from __future__ import annotations

import json
import os
import sys
import time
from types import TracebackType
from typing import Any, Self

from fer_batch.batch.events import Event, Finished, Lost, Probed, Reached, Started
from fer_batch.batch.plan import Plan
from fer_batch.batch.progress import RunProgress
from fer_batch.pipeline.result import earlier_outcome
from fer_batch.results.layout import Layout
from fer_batch.utils.plain import plain

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

    def __init__(self, reached: RunProgress, plan: Plan) -> None:
        self._reached, self._plan = reached, plan
        self._told_s: dict[int, float] = {}
        self._statuses: dict[str, int] = {}
        self._heard = True

    def __enter__(self) -> Self:
        folder = self._plan.outputs.folder
        self._write("begin", output=str(folder), recordings=[one.id for one in self._plan.recordings])
        for record in self._plan.kept:
            self._write("kept", **earlier_outcome(Layout(folder), record).to_dict())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self._reached.total - self._reached.finished
        counts = {status: self._statuses.get(status, 0) for status in ("done", "partial", "failed")}
        self._write("end", output=str(self._plan.outputs.folder), **counts, kept=len(self._plan.kept), not_begun=left)

    def __call__(self, event: Event) -> None:
        """Writes a line."""
        match event:
            case Probed(probes):
                self._write("probed", recordings={name: probe.to_dict() for name, probe in probes.items()})
            case Started(worker, task, process):
                name = task.recording.id
                self._write("started", worker=worker, process=process, recording=name, reason=task.reason)
            case Reached(worker, task, progress):
                if time.monotonic() - self._told_s.get(worker, 0.0) < _TELL_S:
                    return
                self._told_s[worker] = time.monotonic()
                frames, _ = self._reached.workers[worker].speed(time.monotonic())
                self._write(
                    "progress",
                    worker=worker,
                    recording=task.recording.id,
                    frames=progress.frames,
                    frames_total=progress.frames_total,
                    time_s=progress.time_s,
                    faces=progress.faces,
                    frames_per_second=round(frames, 1),
                    share_of_run=round(self._reached.share, 4),
                    remaining_s=self._reached.remaining_s,
                )
            case Lost(worker, task, reason, again):
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
