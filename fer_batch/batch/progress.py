"""How far a run is, from its events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from fer_batch.batch.messages import Event, Finished, Probed, Progressed, Started, WorkerLost
from fer_batch.batch.plan import Task, expected_work
from fer_batch.config import Selection
from fer_batch.pipeline.result import Progress
from fer_batch.video.probe import Probe, seconds_in_range

_TELLING_SHARE = 0.02
"""Of the work, from which on the time that is left can be told: before, it is the loading of models that counts."""


@dataclass(slots=True)
class Activity:
    """What a worker is at."""

    task: Task
    since_s: float
    """Monotonic time at which the first frame came out, so that the loading of models does not count."""
    progress: Progress | None = None
    first: Progress | None = None
    """Progress at ``since_s``: a recording may go on where another run was broken off."""

    @property
    def share(self) -> float:
        """Of the recording, 0 to 1."""
        progress = self.progress
        if progress is None or not progress.frames_total:
            return 0.0
        return min(1.0, progress.frames / progress.frames_total)

    def speed(self, now_s: float) -> tuple[float, float]:
        """Frames a second, and seconds of the recording a second."""
        if self.progress is None or self.first is None or now_s <= self.since_s:
            return 0.0, 0.0
        elapsed = now_s - self.since_s
        frames = self.progress.frames - self.first.frames
        return frames / elapsed, (self.progress.time_s - self.first.time_s) / elapsed


class RunProgress:
    """Kept up to date by being told every event.

    Args:
        tasks: all that is to be done.
        selection: which frames.
    """

    def __init__(self, tasks: Iterable[Task], selection: Selection) -> None:
        # What is not known counts as little as a photo.
        self._work = {task.recording.id: 1.0 for task in tasks}
        self.total = len(self._work)
        self.workers: dict[int, Activity] = {}
        """At work, by number."""
        self.finished = 0
        """Recordings that are over, the failed ones too."""
        self.failed = 0
        self.video_s = 0.0
        """Seconds of recordings that are over."""
        self._selection = selection
        self._done = 0.0
        self._lasts_s: dict[str, float] = {}
        self._began_s = time.monotonic()

    def tell(self, event: Event) -> None:
        """Takes note of what happens."""
        match event:
            case Probed(probes):
                self._plan(probes)
            case Started(worker, task, _):
                self.workers[worker] = Activity(task, time.monotonic())
            case Progressed(worker, _, progress):
                activity = self.workers[worker]
                activity.progress = progress
                if activity.first is None:
                    activity.first, activity.since_s = progress, time.monotonic()
            case WorkerLost(worker, _, _, _):
                self.workers.pop(worker, None)
            case Finished(worker, task, outcome):
                activity = self.workers.pop(worker, Activity(task, 0.0))
                self.finished += 1
                self.failed += outcome.record.status == "failed"
                self._done += self._work[task.recording.id]
                position_s = activity.progress.time_s if activity.progress is not None else 0.0
                self.video_s += self._lasts_s.get(task.recording.id, position_s)

    def _plan(self, probes: dict[str, Probe]) -> None:
        self._work.update((name, expected_work(probe, self._selection)) for name, probe in probes.items())
        lasts = {name: seconds_in_range(probe, self._selection) for name, probe in probes.items()}
        self._lasts_s = {name: seconds for name, seconds in lasts.items() if seconds is not None}
        self._began_s = time.monotonic()

    @property
    def share(self) -> float:
        """Of all the work, 0 to 1."""
        total = sum(self._work.values())
        if not total:
            return 1.0
        running = sum(one.share * self._work[one.task.recording.id] for one in self.workers.values())
        return min(1.0, (self._done + running) / total)

    @property
    def elapsed_s(self) -> float:
        """Since the work began."""
        return time.monotonic() - self._began_s

    @property
    def remaining_s(self) -> float | None:
        """Until all is done, if it goes on as it went; None before that can be told."""
        share = self.share
        return self.elapsed_s * (1 - share) / share if share > _TELLING_SHARE else None

    @property
    def times_real_time(self) -> float:
        """Seconds of recordings analysed a second, by all workers together."""
        running = sum(one.progress.time_s for one in self.workers.values() if one.progress is not None)
        return (self.video_s + running) / max(self.elapsed_s, 1e-3)
