"""Options of a live source: how it is read, analysed and written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Final, Literal, NamedTuple

from fer_batch.config import Outputs, Settings
from fer_batch.errors import InvalidOptionError
from fer_batch.live.source_url import Address

Transport = Literal["tcp", "udp"]


Granularity = Literal["episode", "second"]


PART_ROWS: Final = 50_000
"""Rows after which a part is closed before its time: 5 MB in memory."""
PART_S: Final = 60.0
"""Seconds of rows that a killed process loses at most."""


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """How a live source is read.

    Raises:
        InputError: for a value out of range.
    """

    transport: Transport = "tcp"
    """Of RTSP: tcp loses nothing, udp may be needed for old cameras and for multicast."""
    connect_timeout_s: float = 10.0
    """Seconds in which a source must give its first frame."""
    read_timeout_s: float = 10.0
    """Seconds without a frame after which a connection counts as lost."""
    retries: int | None = None
    """Attempts to connect again after a loss; None for any number. A number also holds for a source that is not reached
    at first, which otherwise is a mistake."""
    patient: bool = False
    """Whether a source that is not reached at first is tried again even so, as one of several may just be off."""
    follow_redirects: bool = False
    """Whether a source over HTTP may lead on to another host: by a redirect, or by an HLS playlist that names it."""

    def __post_init__(self) -> None:
        if self.transport not in ("tcp", "udp"):
            raise InvalidOptionError("transport", self.transport, "give tcp or udp")
        for option, value in (("connect_timeout", self.connect_timeout_s), ("read_timeout", self.read_timeout_s)):
            if not (isinstance(value, Real) and math.isfinite(value) and value > 0):
                raise InvalidOptionError(option, value, "give seconds above 0")
        if self.retries is not None and not (isinstance(self.retries, int) and self.retries >= 0):
            raise InvalidOptionError("retries", self.retries, "give a whole number from 0")


class CaptureTarget(NamedTuple):
    """What to connect to, and how."""

    address: Address
    reading: CaptureOptions
    max_pixels: int
    """Larger pictures are refused before they are decoded."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session reads and gives."""

    reading: CaptureOptions = field(default_factory=CaptureOptions)
    fps: float | None = None
    """At most so many frames a second are analysed."""
    every_frame: bool = False
    """Also give the frames' pictures, and those that are not analysed, for drawing."""


@dataclass(frozen=True, slots=True)
class PartOptions:
    """How results are divided into parts."""

    part_s: float = PART_S
    """Seconds after which a part is closed."""
    part_rows: int = PART_ROWS
    """Rows after which it is."""
    max_age_s: float | None = None
    """Parts closed longer ago are removed; None keeps all."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a source is watched and what is left of it."""

    reading: CaptureOptions
    settings: Settings
    outputs: Outputs
    fps: float | None = None
    """At most so many frames a second are analysed."""
    part_s: float = PART_S
    max_age_s: float | None = None
    duration_s: float | None = None
    """It ends by itself after so long."""
    preview: bool = False
    """Whether somebody may want to look at pictures."""
    publish: str | None = field(default=None, repr=False)
    """Address of a media server for annotated video; it may hold a password."""
    reports: Granularity | None = None
    """Which events are reported to other programs."""


@dataclass(frozen=True, slots=True)
class LiveJob:
    """What is watched, and how."""

    name: str
    """Id of the recording."""
    address: Address
    options: Any = field(repr=False)
    """What the process's ``watch`` needs: :class:`LiveOptions` for the one here."""
    threads: int = 1
    """Cores that it may use."""
