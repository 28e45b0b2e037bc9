"""Where in a track one emotion begins and ends, by two limits, so that values about one of them do not chop it up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fer_batch.segmentation.rules import ROUNDING_S, EpisodeRules


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
        self._found: list[Episode] = []
        self._current: Episode | None = None
        self._behind: Episode | None = None
        """Rows since the current emotion led: its own, if it leads again before it is over."""
        self._lost_s: float | None = None
        """Since when it has been too improbable, or clearly less probable than another."""
        self._challenger: Episode | None = None
        """What has led since then, or while there was no episode; began to lead when it began."""
        self._clear = False
        """Whether the challenger has been ahead by enough."""

    def state(self) -> dict[str, Any]:
        """What is remembered between two rows, as plain values; episodes that have ended must have been taken."""
        episodes = {"current": self._current, "behind": self._behind, "challenger": self._challenger}
        told = {name: None if episode is None else asdict(episode) for name, episode in episodes.items()}
        return {**told, "lost_s": self._lost_s, "clear": self._clear}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        told = [state[name] for name in ("current", "behind", "challenger")]
        self._current, self._behind, self._challenger = (None if each is None else Episode(**each) for each in told)
        self._lost_s, self._clear = state["lost_s"], state["clear"]

    def take(self) -> list[Episode]:
        """The episodes that have ended."""
        found, self._found = self._found, []
        return found

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
        taken = (
            challenger is not None
            and self._clear
            and challenger.peak >= rules.onset
            and until_s - challenger.start_s >= needed
        )
        if taken or (self._lost_s is not None and until_s - self._lost_s >= needed):
            self._end(current)

    def _end(self, episode: Episode) -> None:
        lasts = episode.end_s - episode.start_s
        # The rows of a photo have no duration, whatever is asked for.
        if lasts > 0 and lasts >= self._rules.minimum_s - ROUNDING_S:
            self._found.append(episode)
        self._current = self._behind = self._lost_s = None

    def finish(self) -> None:
        """No row follows for now; the next begins anew."""
        if self._current is not None:
            self._end(self._current)
        if self._challenger is not None and self._challenger.peak >= self._rules.onset:
            self._end(self._challenger)
        self._challenger = None
