"""Episodes: stretches of a track in one emotion, found in its probabilities while they come in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.segmentation.hysteresis import ROUNDING_S, Episode, EpisodeRules, Hysteresis
from fer_batch.types import Observation

_SLOW: Final = 2.5
"""Frames that are analysed more rarely than ``gap_s`` are no gaps, nor is one missed face among them."""

_BLOCK: Final = 64
"""Rows of a track that are gathered before they are smoothed: NumPy's cost of a call is then small beside the rest."""


class _TrackEpisodes:
    """One track's rows in, in any portions, its episodes out: the portions change nothing.

    Rows wait until all that are smoothed with them are there: those of ``smoothing_s`` to either side and some more.
    """

    def __init__(self, track: int, rules: EpisodeRules) -> None:
        self._rules = rules
        self._rows = _Rows.none()
        self._done = 0
        """How many of these have been through, and are kept for the smoothing of the next."""
        self._new: list[tuple[float, float, NDArray[np.float32]]] = []
        self._hysteresis = Hysteresis(track, rules)
        self.last_s = -np.inf
        """Time of the last row."""

    def get_state(self) -> dict[str, Any]:
        """What is remembered between two rows, as plain values and arrays."""
        rows = {of.name: getattr(self._rows, of.name) for of in fields(self._rows)}
        # Not smoothed before their block is full, since the blocks decide how sums are rounded.
        new = [list(column) for column in zip(*self._new, strict=True)]
        return {
            "rows": rows,
            "done": self._done,
            "new": [*new[:2], np.array(new[2])] if new else None,
            "hysteresis": self._hysteresis.get_state(),
            "last_s": self.last_s,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        self._rows, self._done, self.last_s = _Rows(**state["rows"]), state["done"], state["last_s"]
        self._new = list(zip(*state["new"], strict=True)) if state["new"] else []
        self._hysteresis.set_state(state["hysteresis"])

    def add(self, time_s: float, pace_s: float, probabilities: NDArray[np.float32]) -> list[Episode]:
        """One row, as :meth:`feed`; probabilities (7,), which are copied."""
        self._new.append((time_s, pace_s, probabilities.copy()))
        self.last_s = time_s
        return self._fed() if len(self._new) >= _BLOCK else []

    def feed(self, rows: _Rows) -> list[Episode]:
        """Goes on by rows later than all before, and gives the episodes that are certain to have ended."""
        rows = self._rows.then(rows)
        pauses = np.diff(rows.times) > _longest_pause(rows.paces[1:], self._rules)
        starts = [0, *(np.flatnonzero(pauses) + 1), len(rows.times)]
        for start, stop in pairwise(starts[:-1]):
            self._go_on(rows[start:stop], last=True)
        self._go_on(rows[starts[-2] :], last=False)
        return self._hysteresis.take()

    def finish(self) -> list[Episode]:
        """The episodes that no row follows."""
        ended = self._fed()
        self._go_on(self._rows, last=True)
        return ended + self._hysteresis.take()

    def _fed(self) -> list[Episode]:
        if not self._new:
            return []
        times, paces, probabilities = zip(*self._new, strict=True)
        self._new.clear()
        return self.feed(_Rows(np.array(times), np.array(paces), np.array(probabilities, np.float64)))

    def _go_on(self, rows: _Rows, *, last: bool) -> None:
        """Goes on in rows without a gap, of which the first ``_done`` have been through; ``last``: a gap follows."""
        times, reach = rows.times, self._rules.smoothing_s + ROUNDING_S
        if not len(times):
            return
        stop = len(times) if last else int(np.searchsorted(times, times[-1] - reach))
        if stop > self._done:
            self._pass(rows, self._done, stop)
        if last:
            self._hysteresis.finish()
            self._rows, self._done = _Rows.none(), 0
        else:
            first = int(np.searchsorted(times, times[stop] - reach))
            self._rows, self._done = rows[first:], stop - first

    def _pass(self, rows: _Rows, start: int, stop: int) -> None:
        ends = rows.times[start + 1 : stop + 1]
        if len(ends) < stop - start:
            # What follows is not known: the last row lasts as long as the shortest so far, a photo no time at all.
            pace = rows.paces[-1]
            ends = np.append(ends, rows.times[-1] + (min(pace, self._rules.gap_s) if np.isfinite(pace) else 0.0))
        smooth = smoothed(rows.times, rows.probabilities, self._rules.smoothing_s)
        values = (rows.times[start:stop], ends, smooth[start:stop], rows.probabilities[start:stop])
        for row in zip(*(value.tolist() for value in values), strict=True):
            self._hysteresis.row(*row)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one track in order of time."""

    times: NDArray[np.float64]
    """(N,) seconds."""
    paces: NDArray[np.float64]
    """(N,) shortest time between two analysed frames with faces so far, in the whole recording; infinite at first."""
    probabilities: NDArray[np.float64]
    """(N, 7)."""

    @classmethod
    def none(cls) -> _Rows:
        return cls(np.zeros(0), np.zeros(0), np.zeros((0, len(EMOTIONS))))

    def then(self, more: _Rows) -> _Rows:
        return _Rows(*(np.concatenate([getattr(self, of.name), getattr(more, of.name)]) for of in fields(self)))

    def __getitem__(self, part: slice | NDArray[np.intp]) -> _Rows:
        return _Rows(self.times[part], self.paces[part], self.probabilities[part])


class EpisodeFinder:
    """Observations in, episodes out, in memory that depends on the faces in view and on nothing else."""

    def __init__(self, rules: EpisodeRules) -> None:
        self._rules = rules
        self._live: dict[int, _TrackEpisodes] = {}
        self._time_s, self._pace_s = -np.inf, np.inf

    def __len__(self) -> int:
        """Number of tracks that may still go on."""
        return len(self._live)

    def get_state(self) -> dict[str, Any]:
        """What is remembered between two frames, as plain values and arrays."""
        live = [[number, track.get_state()] for number, track in self._live.items()]
        return {"live": live, "time_s": self._time_s, "pace_s": self._pace_s}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        self._time_s, self._pace_s = state["time_s"], state["pace_s"]
        for number, track in state["live"]:
            self._live[number] = _TrackEpisodes(number, self._rules)
            self._live[number].set_state(track)

    def write(self, observation: Observation) -> list[Episode]:
        """Goes on by a frame, later than all before; the episodes that are now certain to have ended.

        Raises:
            ValueError: when a face has no probabilities.
        """
        time_s = observation.time_s
        if not len(observation):
            # As long as no pace is known, nobody can say how long a gap is.
            return list(self._ended(time_s)) if np.isfinite(self._pace_s) else []
        self._pace_s, self._time_s = _faster(self._pace_s, time_s - self._time_s), time_s
        ended = list(self._ended(time_s))
        numbers = observation.detected.tracks.tolist()
        for number, probabilities in zip(numbers, observation.probabilities, strict=True):
            track = self._live.setdefault(number, _TrackEpisodes(number, self._rules))
            ended += track.add(time_s, self._pace_s, probabilities)
        return ended

    def finish(self) -> list[Episode]:
        """The episodes that the recording's end ends."""
        ended = [episode for track in self._live.values() for episode in track.finish()]
        self._live.clear()
        return ended

    def _ended(self, time_s: float) -> Iterator[Episode]:
        """Forgets the tracks whose next row, if there ever is one, would be after a gap: the pace only gets faster."""
        longest = _longest_pause(self._pace_s, self._rules)
        for number in [number for number, track in self._live.items() if time_s - track.last_s > longest]:
            yield from self._live.pop(number).finish()


def find_episodes(
    times: NDArray[np.float64], tracks: NDArray[np.int32], probabilities: NDArray[np.float32], rules: EpisodeRules
) -> list[Episode]:
    """All episodes of a recording in memory, the ones that :class:`EpisodeFinder` gives.

    Args:
        times: (N,) seconds, in any order.
        tracks: (N,).
        probabilities: (N, 7).
        rules: what makes an episode.
    """
    if not len(times):
        return []
    moments, frame = np.unique(times, return_inverse=True)
    intervals = np.concatenate([[np.inf], np.diff(moments)])
    rows = _Rows(times, np.minimum.accumulate(intervals)[frame], probabilities.astype(np.float64))
    order = np.lexsort((times, tracks))
    numbers, starts = np.unique(tracks[order], return_index=True)
    ended = []
    for number, part in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        track = _TrackEpisodes(number, rules)
        ended += [*track.feed(rows[part]), *track.finish()]
    return ended


def _longest_pause(pace_s: NDArray[np.float64] | float, rules: EpisodeRules) -> NDArray[np.float64]:
    """For how long a track may have no row without a gap, given the shortest time between frames so far."""
    known = np.where(np.isfinite(pace_s), pace_s, 0.0)
    longest: NDArray[np.float64] = np.maximum(rules.gap_s, _SLOW * known)
    return longest


def _faster(pace_s: float, interval_s: float) -> float:
    return interval_s if 0 < interval_s < pace_s else pace_s


def smoothed(times: NDArray[np.float64], values: NDArray[np.float64], reach_s: float) -> NDArray[np.float64]:
    """Means of (N, 7) values with those up to ``reach_s`` before and after, weighted by nearness in a triangle.

    The terms of a sum come in the order of their distance in rows, and those out of reach are exactly zero: a row's
    mean is the same to the last bit among any others, if all within reach are there.
    """
    total, weight = values.copy(), np.ones(len(times))
    for distance in range(1, len(times) if reach_s else 1):
        share = np.maximum(0.0, 1 - (times[distance:] - times[:-distance]) / reach_s)
        if not share.any():
            break
        total[:-distance] += share[:, None] * values[distance:]
        total[distance:] += share[:, None] * values[:-distance]
        weight[:-distance] += share
        weight[distance:] += share
    smooth: NDArray[np.float64] = total / weight[:, None]
    return smooth
