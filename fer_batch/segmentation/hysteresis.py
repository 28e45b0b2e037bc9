"""Where an episode begins and ends: the rules, and a hysteresis of two limits, so that values about one of them do not
chop it up.
"""

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


@dataclass(slots=True)
class Episode:
    """A stretch of a track in one emotion."""

    track: int
    emotion: int
    """Index into ``EMOTIONS``."""
    start_s: float
    """Time of its first row."""
    end_s: float = 0.0
    """Time of the next row of the track after its last; see ``EPISODES``."""
    peak_s: float = 0.0
    """Where the smoothed probability was highest."""
    peak: float = -1.0
    """That probability."""
    total: float = 0.0
    """Sum of the rows' own probabilities."""
    frames: int = 0

    @property
    def mean_probability(self) -> float:
        """Of the rows' own probabilities."""
        return self.total / self.frames

    def add(self, time_s: float, until_s: float, smoothed: list[float], own: list[float]) -> None:
        """Adds a row that lasts until some time; probabilities (7,) each."""
        self.end_s = until_s
        self.total += own[self.emotion]
        self.frames += 1
        if smoothed[self.emotion] > self.peak:
            self.peak_s, self.peak = time_s, smoothed[self.emotion]

    def join(self, later: Episode) -> None:
        """Goes on with another stretch that begins where this one ends."""
        self.end_s = later.end_s
        self.total += later.total
        self.frames += later.frames
        if later.peak > self.peak:
            self.peak_s, self.peak = later.peak_s, later.peak


class Hysteresis:
    """Rows of a track without a gap in, episodes out; keeps sums and no rows."""

    def __init__(self, track: int, rules: EpisodeRules) -> None:
        self._track, self._rules = track, rules
        self._episodes: list[Episode] = []
        self._current: Episode | None = None
        self._behind: Episode | None = None
        """Rows since the current emotion led: its own, if it leads again before it is over."""
        self._lost_s: float | None = None
        """Since when it has been too improbable, or clearly less probable than another."""
        self._challenger: Episode | None = None
        """What has led since then, or while there was no episode; began to lead when it began."""
        self._clear = False
        """Whether the challenger has been ahead by enough."""

    def get_state(self) -> dict[str, Any]:
        """What is remembered between two rows, as plain values; episodes that have ended must have been taken."""
        episodes = {"current": self._current, "behind": self._behind, "challenger": self._challenger}
        document = {name: None if episode is None else asdict(episode) for name, episode in episodes.items()}
        return {**document, "lost_s": self._lost_s, "clear": self._clear}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        restored = [state[name] for name in ("current", "behind", "challenger")]
        self._current, self._behind, self._challenger = (None if each is None else Episode(**each) for each in restored)
        self._lost_s, self._clear = state["lost_s"], state["clear"]

    def take(self) -> list[Episode]:
        """The episodes that have ended."""
        finished, self._episodes = self._episodes, []
        return finished

    def row(self, time_s: float, until_s: float, smoothed: list[float], own: list[float]) -> None:
        """Goes on by one row that lasts until some time; probabilities (7,) each."""
        highest = max(smoothed)
        leader = smoothed.index(highest)
        current, rules = self._current, self._rules
        if current is not None and current.emotion == leader and highest >= rules.offset:
            if self._behind is not None:
                current.join(self._behind)
            self._behind = self._lost_s = self._challenger = None
            current.add(time_s, until_s, smoothed, own)
            return
        if highest < rules.offset:
            self._challenger = None
        else:
            if self._challenger is None or self._challenger.emotion != leader:
                self._challenger, self._clear = Episode(self._track, leader, time_s), False
            self._challenger.add(time_s, until_s, smoothed, own)
        if current is not None:
            self._wait(current, time_s, until_s, smoothed, own)
        if self._current is None and self._challenger is not None and self._challenger.peak >= rules.onset:
            self._current, self._challenger = self._challenger, None

    def _wait(self, current: Episode, time_s: float, until_s: float, smoothed: list[float], own: list[float]) -> None:
        """A row in which the current emotion does not lead: is it over?"""
        rules = self._rules
        if self._behind is None:
            self._behind = Episode(self._track, current.emotion, time_s)
        self._behind.add(time_s, until_s, smoothed, own)
        behind = max(smoothed) - smoothed[current.emotion] >= rules.lead
        if not behind and smoothed[current.emotion] >= rules.offset:
            self._lost_s = None
        elif self._lost_s is None:
            self._lost_s = time_s
        self._clear |= behind
        challenger, needed = self._challenger, rules.minimum_s - ROUNDING_S
        replaced = (
            challenger is not None
            and self._clear
            and challenger.peak >= rules.onset
            and until_s - challenger.start_s >= needed
        )
        if replaced or (self._lost_s is not None and until_s - self._lost_s >= needed):
            self._end(current)

    def _end(self, episode: Episode) -> None:
        lasts = episode.end_s - episode.start_s
        # The rows of a photo have no duration, whatever is asked for.
        if lasts > 0 and lasts >= self._rules.minimum_s - ROUNDING_S:
            self._episodes.append(episode)
        self._current = self._behind = self._lost_s = None

    def finish(self) -> None:
        """No row follows for now; the next begins anew."""
        if self._current is not None:
            self._end(self._current)
        if self._challenger is not None and self._challenger.peak >= self._rules.onset:
            self._end(self._challenger)
        self._challenger = None
