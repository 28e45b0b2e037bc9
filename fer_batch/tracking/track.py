"""One face through time, as it is being followed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_batch.tracking.appearance import unit
from fer_batch.tracking.kalman_filter import BoxKalmanFilter

WAIT_S = 0.2
"""Longest time in the recording for which a frame waits for what is decided a moment later; so nobody's number changes
in frames that are older."""

REFUSALS = 3
"""Second looks that must fail in a row for a track to be doubted."""


@dataclass(slots=True, eq=False)
class Identity:
    """Who is being followed, as far as that is known."""

    born_s: float
    number: int = 0
    """From 1; 0 until the track is believed in."""
    portrait: NDArray[np.float32] | None = field(default=None, repr=False)
    """(576,) how it has looked lately; see ``fer_batch.tracking.appearance.portrait``."""
    portrait_s: float = -np.inf
    embeddings: list[NDArray[np.float32]] = field(default_factory=list, repr=False)
    """(128,) each, taken at growing intervals."""
    embedded_s: float = -np.inf
    checked_s: float = -np.inf
    """When it was last asked whether this is still the same face."""
    doubts: int = 0
    """How often in a row it seemed not to be."""
    proven: NDArray[np.float32] | None = field(default=None, repr=False)
    """(576,) its portrait when it last was for certain."""

    def remember(self, portrait: NDArray[np.float32], time_s: float) -> None:
        """Averages a portrait into what it has looked like, half by half."""
        self.portrait = portrait if self.portrait is None else unit(self.portrait + portrait)
        self.portrait_s = time_s

    def likeness_to(self, portrait: NDArray[np.float32] | None) -> float | None:
        """-1 to 1; None where there is nothing to compare."""
        return None if portrait is None or self.portrait is None else float(portrait @ self.portrait)


@dataclass(slots=True, eq=False)
class Track:
    """A face through time: where it goes, and who it is."""

    motion: BoxKalmanFilter
    """In widths of the picture."""
    began_s: float
    """When it was first found."""
    seen_s: float
    who: Identity
    hits: int = 1
    """Frames in which it was found."""
    missed: int = 0
    """Frames since it was last found."""
    over: bool = False
    """Whether it will not be carried on."""
    coverer: Track | None = None
    """The one whose face was before its place when it was missed first."""
    rivals: list[Track] = field(default_factory=list)
    """Those whose faces have overlapped with it since it was last certain who is who."""
    certain_s: float = -np.inf
    """When that was looked into."""
    former: Track | None = None
    """Of a new track: the missing one that it looks most like."""
    likeness: float = -1.0
    """To that one, -1 to 1."""
    confirmed: bool = False
    """Whether second looks have seen a face too, twice in a row."""
    agreed: int = 0
    """How often in a row they have, before that."""
    evidence: float = 0.0
    """How clearly the last one has."""
    refused: int = 0
    """How often in a row it has not."""
    judged_s: float = -np.inf
    """When it was last taken."""
    judged_score: float = 0.0
    """The detector's score then."""
    interval_s: float = 1.0
    """Time after which a confirmed track is looked at again."""

    @property
    def number(self) -> int:
        """Identity from 1; 0 until it is believed in."""
        return self.who.number

    @property
    def is_new(self) -> bool:
        """Whether it is not yet believed in, nor given up or doubted."""
        return not (self.who.number or self.over or self.is_doubted)

    @property
    def is_doubted(self) -> bool:
        """Whether second looks have refused it. It is followed on without rows, since later looks may confirm it."""
        return not self.confirmed and self.refused >= REFUSALS

    def find(self, box: NDArray[np.float32], time_s: float, hidden: float) -> None:
        """Carries it on; ``hidden`` is the share of its box that another face may hide."""
        self.motion.observe(box, time_s, hidden)
        self.seen_s, self.missed, self.coverer = time_s, 0, None
        self.hits += 1

    def forget(self) -> None:
        """Lets go of the tracks that it knows, which would keep others alive."""
        self.former, self.likeness, self.coverer, self.rivals = None, -1.0, None, []

    def exchange(self, other: Track) -> None:
        """Makes each of two tracks go on as the other one: they were mistaken for each other."""
        self.who, other.who = other.who, self.who


def boxes_of(tracks: list[Track], time_s: float) -> NDArray[np.float32]:
    """(N, 4) x, y, width, height where they should be, in widths of the picture."""
    return np.array([track.motion.box(time_s) for track in tracks], np.float32).reshape(-1, 4)
