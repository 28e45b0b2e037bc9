"""Events of a live source, as a session gives them to those who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from fer_batch.errors import FerBatchError
from fer_batch.types import Observation
from fer_batch.video.probe import Probe

if TYPE_CHECKING:
    from fer_batch.video.frame import Frame


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a session's numbers begin: after those of the sessions before it that wrote to the same recording."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """UTC; time 0 of the recording."""
    time_s: float = 0.0
    """The session's times are not before it."""
    frame: int = 0
    """Index of the first frame."""
    track: int = 1
    """Number of the first track."""


@dataclass(slots=True)
class Counts:
    """What became of the frames so far; kept up to date by the session."""

    arrived: int = 0
    """Decoded, analysed or not."""
    analysed: int = 0
    passed_over: int = 0
    """Not analysed because fewer were asked for."""
    dropped: int = 0
    """Not analysed because a newer one had come by the time that there was room."""
    damaged: int = 0
    """Packets that could not be decoded, skipped."""
    connections: int = 0
    """Made so far; all but the first are reconnections."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Frames begin to come: at first, or again. Tracks seen before do not go on."""

    at: datetime
    """UTC."""
    time_s: float
    """Of the recording, when the first frame came."""
    probe: Probe


@dataclass(frozen=True, slots=True)
class FrameAnalyzed:
    """A frame that was analysed; or, where every frame is asked for, one that is only to be drawn."""

    observation: Observation | None
    """With ``captured_at``; None for a frame that was not analysed."""
    latency_s: float
    """Seconds from the frame's arrival, decoded or about to be, to this result."""
    frame: Frame | None = None
    """Its picture, where pictures are asked for."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """No more frames come: from here until the next :class:`Connected` is a gap."""

    at: datetime
    """UTC."""
    time_s: float
    """Of the recording, after its last frame."""
    error: FerBatchError
    """Without credentials."""
    retry_in_s: float | None
    """Seconds until the next attempt; None when it was the last one."""


LiveEvent: TypeAlias = Connected | FrameAnalyzed | Interrupted


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

    error: FerBatchError | None = None
    """Why, if it was not its end or the wish to stop."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Something that other programs are told: plain values for JSON, see :mod:`fer_batch.live.notifications`."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something to tell the user beside the source's own state: what failed, or a sentence."""

    notice: FerBatchError | str


LiveMessage: TypeAlias = LiveEvent | Written | Ended | Reported | Noticed
"""All that a source's watchers are told."""


Tell: TypeAlias = Callable[[LiveMessage, Counts], None]
"""Told with the counts as they are by then; it returns at once."""
