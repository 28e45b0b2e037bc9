"""One source watched to its end, whether alone in its process or as one of several cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol, TypeAlias

from fer_batch.live.address import Address
from fer_batch.live.happenings import Counts, Happening


@dataclass(frozen=True, slots=True)
class LiveJob:
    """What is watched, and how."""

    name: str
    """Id of the recording."""
    address: Address
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Of the command by parameter; not shown, since a webhook's address may hold a password too."""
    threads: int = 1
    """Cores that it may use."""


@dataclass(frozen=True, slots=True)
class Written:
    """Results of a recording were committed to its folder."""

    parts: int
    """By now, those of sessions before included."""
    next_in_s: float | None = None
    """Seconds until the next, where that is known."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A source is not watched any more; the others go on."""

    error: str | None = None
    """Why, in a sentence, if it was not its end or the wish to stop."""


Told: TypeAlias = Happening | Written | Ended
"""All that a source's watchers are told."""

Tell: TypeAlias = Callable[[Told, Counts], None]
"""Told with the counts as they are by then; it returns at once."""


class Pictures(Protocol):
    """Where annotated pictures go, while somebody looks at them."""

    @property
    def wanted(self) -> bool:
        """Whether somebody does; None need be made otherwise."""
        ...

    def show(self, jpeg: bytes) -> None:
        """Hands on a picture; it returns at once, and only the latest counts."""
        ...


def watch(job: LiveJob, stop: Event, tell: Tell, pictures: Pictures) -> None:
    """Analyses a source until it ends or ``stop`` is set, and writes what was asked for.

    Args:
        job: the source and its options.
        stop: once set, what was analysed is written and the function returns.
        tell: told what happens.
        pictures: asked and given pictures for a preview.

    Raises:
        FerBatchError: when the source cannot be watched at all; a lost connection is told and tried again instead.
    """
    raise NotImplementedError
