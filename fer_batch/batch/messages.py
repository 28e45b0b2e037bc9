"""Messages between a run and its workers, and events for those who watch the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fer_batch.batch.plan import Task
from fer_batch.config import Selection, Settings
from fer_batch.errors import FerBatchError
from fer_batch.pipeline.result import Progress, RecordingResult
from fer_batch.utils.logs import wanted_level
from fer_batch.video.probe import Probe


@dataclass(frozen=True, slots=True)
class Begin:
    """To a worker, first of all: how everything is analysed."""

    settings: Settings
    selection: Selection
    threads: int
    """Cores that it may use."""
    log_level: int = field(default_factory=wanted_level)
    """Records below it are not sent."""


@dataclass(frozen=True, slots=True)
class ProbeJob:
    """To a worker: what kind of recording is this?"""

    task: Task


@dataclass(frozen=True, slots=True)
class Analyze:
    """To a worker: analyse this recording."""

    task: Task


@dataclass(frozen=True, slots=True)
class EstimateJob:
    """To a worker: how fast does the analysis of this recording go?"""

    task: Task


@dataclass(frozen=True, slots=True)
class PublishPartialJob:
    """To a worker: publish what there is of a recording that cannot be finished."""

    task: Task
    error: FerBatchError


Job = ProbeJob | Analyze | EstimateJob | PublishPartialJob


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """From a worker; None for what cannot be opened."""

    probe: Probe | None


@dataclass(frozen=True, slots=True)
class EstimateReply:
    """From a worker: how fast it went."""

    once_s: float
    """Seconds for what is done once for a recording: before the first frame was analysed, and after the last."""
    frames_per_second: float
    """Of the selection's range, between them; infinite where there is but one."""


@dataclass(frozen=True, slots=True)
class Alive:
    """From a worker: it has got so far, if that can be told."""

    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Done:
    """From a worker: a recording is over."""

    outcome: RecordingResult
    traceback: str | None = None
    """Of what nobody foresaw."""


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
class Progressed:
    """A worker has got so far with its recording; several times a second."""

    worker: int
    task: Task
    progress: Progress


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker's process has ended, or was ended because it hung, while it worked on a recording."""

    worker: int
    task: Task
    error: FerBatchError
    again: bool
    """Whether the recording is tried once more; otherwise it is given up."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A recording is over and its files are whole."""

    worker: int
    task: Task
    outcome: RecordingResult


@dataclass(frozen=True, slots=True)
class LogMessage:
    """Something for a log: what a worker's libraries wrote, or a traceback."""

    worker: int
    text: str


Event = Probed | Started | Progressed | WorkerLost | Finished | LogMessage
Watch = Callable[[Event], None]
