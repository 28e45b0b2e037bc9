"""What the process that supervises cameras and the one that watches a camera say to each other, as pickles in pipes.

Of the messages of workers, ``Stop`` and ``Failed`` mean the same here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fer_batch.live.events import Counts
from fer_batch.live.runner import LiveJob, Told


@dataclass(frozen=True, slots=True)
class Begin:
    """To a camera's process, first of all. It may hold a password, and so goes through the pipe alone."""

    job: LiveJob = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watching:
    """To a camera's process: somebody looks at its pictures, or nobody does any more."""

    on: bool


@dataclass(frozen=True, slots=True)
class News:
    """From a camera's process, some times a second: it lives, and this has happened."""

    counts: Counts
    """Of this process alone."""
    told: tuple[Told, ...] = ()
    """In order; frames that were analysed only now and then, and without their pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """From a camera's process: the latest annotated picture, while somebody looks."""

    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """From a camera's process, last of all: everything is written."""
