"""What makes an episode."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Final

import numpy as np

from fer_batch.errors import InputError

ROUNDING_S: Final = 1e-6
"""Containers round times to their own units, so half a second at 10 frames a second may be a hair less."""


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """What makes an episode; the defaults are stored with every episode file. Times are seconds of the recording.

    Raises:
        InputError: for a value out of range.
    """

    smoothing_s: float = 0.75
    """How far the smoothing reaches to either side of a row, in a triangle that is half as high 0.375 s away; 0 for
    none. It delays nothing. Speech moves the mouth four to five times a second, in syllables, and what makes somebody
    talking look happy for one of them must not count. On a clip of somebody talking, 15, 10 and 5 frames a second give
    the episodes of all frames for 96 % of the time with this reach, for 94 % with 0.5 s."""
    onset: float = 0.5
    """Smoothed probability that the emotion must reach. From one half on, no other can be more probable."""
    offset: float = 0.35
    """Smoothed probability below which it is over, and from which on it has begun: well below ``onset``, so that values
    about one limit do not chop an expression up. Above a third at most two emotions can be at a time."""
    lead: float = 0.15
    """How much more probable another emotion must be to take over: what lies between ``onset`` and ``offset``."""
    minimum_s: float = 0.5
    """Shorter stretches are no episodes, and shorter interruptions end none. Expressions of less than half a second are
    called micro-expressions (Yan et al., 2013, How fast are the leaked facial expressions), which smoothing hides."""
    gap_s: float = 1.0
    """For how long the face may be unseen within an episode: who was away for longer may have looked anyhow. At few
    frames a second it is two and a half times the shortest time between two of them, so that one may be missed."""

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise InputError(f"{name}={value!r}: give a number from 0.")
        if not 0 < self.offset <= self.onset <= 1:
            raise InputError(f"onset={self.onset}, offset={self.offset}: give 0 < offset <= onset <= 1.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
