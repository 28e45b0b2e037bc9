"""Progress in plain lines, for pipes and logs: one a recording, and one now and then while it lasts."""

from __future__ import annotations

import time

from fer_batch.batch.events import Event, Finished, Lost, Probed, Reached, Said, Started
from fer_batch.batch.progress import RunProgress
from fer_batch.cli.display.notices import Notices
from fer_batch.cli.display.terminal import LINE_SECONDS
from fer_batch.utils.formatting import counted, lasting


class Lines:
    """A watcher of a run that says how far it is.

    Args:
        reached: kept up to date by somebody else, before this is told.
        notices: says it.
    """

    def __init__(self, reached: RunProgress, notices: Notices) -> None:
        self._reached = reached
        self._say = notices.say
        self._said_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Says what there is to say."""
        match event:
            case Started() | Probed():
                if self._reached.total == 1:
                    self._said_s = time.monotonic()
            case Reached() if time.monotonic() - self._said_s >= LINE_SECONDS:
                self._said_s = time.monotonic()
                self._say(self._of_all() if self._reached.total > 1 else self._of_one(event))
            case Finished(_, task, outcome) if outcome.record.status != "failed":
                counts = outcome.record.counts
                place = f"[{self._reached.finished}/{self._reached.total}] " if self._reached.total > 1 else ""
                done = f"{counted(counts['frames_analysed'], 'frame')}, {counted(counts['rows'], 'face')}"
                self._say(f"{place}{task.recording.id}: {outcome.record.status}, {done}.")
            case Reached() | Lost() | Said() | Finished():
                pass

    def _of_one(self, event: Reached) -> str:
        activity, progress = self._reached.workers[event.worker], event.progress
        frames, seconds = activity.speed(time.monotonic())
        of = f"/{progress.frames_total}" if progress.frames_total else ""
        return (
            f"{event.task.recording.id}: {progress.frames}{of} frames, {frames:.0f}/s, {seconds:.1f}x, "
            f"{counted(progress.faces, 'face')}"
        )

    def _of_all(self) -> str:
        reached = self._reached
        left = "" if reached.remaining_s is None else f", {lasting(reached.remaining_s)} left"
        failed = f", {reached.failed} failed" if reached.failed else ""
        return (
            f"{reached.finished} of {reached.total} done{failed}, {reached.share:.0%}, "
            f"{reached.times_real_time:.1f}x real time{left}"
        )
