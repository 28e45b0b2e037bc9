"""What a run and its worker processes say to each other, as pickles through pipes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from fer_batch.batch.plan import Task
from fer_batch.config import Settings
from fer_batch.errors import FerBatchError
from fer_batch.pipeline.result import Outcome, Progress
from fer_batch.selection import Selection
from fer_batch.video.probe import Probe


@dataclass(frozen=True, slots=True)
class Begin:
    """To a worker, first of all: how everything is analysed."""

    settings: Settings
    selection: Selection
    threads: int
    """Cores that it may use."""


@dataclass(frozen=True, slots=True)
class Look:
    """To a worker: what kind of recording is this?"""

    task: Task


@dataclass(frozen=True, slots=True)
class Analyze:
    """To a worker: analyse this recording."""

    task: Task


@dataclass(frozen=True, slots=True)
class Rehearse:
    """To a worker: how fast does the analysis of this recording go?"""

    task: Task


@dataclass(frozen=True, slots=True)
class Salvage:
    """To a worker: publish what there is of a recording that cannot be finished."""

    task: Task
    reason: str


Job = Look | Analyze | Rehearse | Salvage


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: end the recording in progress with what was analysed until now."""


@dataclass(frozen=True, slots=True)
class Looked:
    """From a worker; None for what cannot be opened."""

    probe: Probe | None


@dataclass(frozen=True, slots=True)
class Rehearsed:
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

    outcome: Outcome
    traceback: str | None = None
    """Of what nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: an error that ends the whole run."""

    error: FerBatchError
    traceback: str | None = None


def send(pipe: IO[bytes], message: Any) -> None:
    """Writes one message.

    Raises:
        OSError: when the other side is gone.
    """
    pipe.write(pickle.dumps(message))
    pipe.flush()


def received(pipe: IO[bytes]) -> Iterator[Any]:
    """The messages until the other side closes its end, dies in the middle of one, or says what is none."""
    while True:
        try:
            message = pickle.load(pipe)  # noqa: S301 - from our own process
        except Exception:  # bytes that are no message may raise anything
            return
        yield message
