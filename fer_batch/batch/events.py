"""What a run tells those who watch it: displays, logs, programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fer_batch.batch.plan import Task
from fer_batch.pipeline.result import Outcome, Progress
from fer_batch.video.probe import Probe


@dataclass(frozen=True, slots=True)
class Probed:
    """Before the work begins on several recordings: what the videos are, by id, but for those that cannot be opened."""

    probes: dict[str, Probe]


@dataclass(frozen=True, slots=True)
class Started:
    """A worker begins with a recording."""

    worker: int
    """From 1."""
    task: Task
    process: int
    """The worker's process id."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A worker has got so far with its recording; several times a second."""

    worker: int
    task: Task
    progress: Progress


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker's process has ended, or was ended because it hung, while it worked on a recording."""

    worker: int
    task: Task
    reason: str
    again: bool
    """Whether the recording is tried once more; otherwise it is given up."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A recording is over and its files are whole."""

    worker: int
    task: Task
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Said:
    """Something for a log: what a worker's libraries wrote, or a traceback."""

    worker: int
    text: str


Event = Probed | Started | Reached | Lost | Finished | Said
Watch = Callable[[Event], None]
