"""Who is who across a recording: tracks joined to persons by what their faces look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.embedding import DIMENSIONS

_JOINED: Final = 0.45
"""Mean distance between the tracks of two groups up to which these are one person. In simulated recordings of 2 to 30
tracks of 1 to 4 photographs each, 99 of 100 pairs of tracks that are joined by it are one person's; see the model's
card."""
_OPEN: Final = 1024
"""Most tracks and persons that are held against each other: their distances take 8 MB, joining them 0.1 s."""


@dataclass(slots=True)
class _Group:
    """Tracks known to be one person's, or a single one."""

    tracks: list[int]
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(DIMENSIONS))
    """(128,) sum of its embeddings."""
    embeddings: int = 0
    last_change: int = 0
    """When it was last heard of, counted in changes of who is in view."""

    @property
    def first(self) -> int:
        return min(self.tracks)


class Persons:
    """Joins the tracks of one recording to persons.

    By average linkage (Sokal and Michener 1958) over the distances of the tracks' mean embeddings. Tracks that a frame
    shows together are never one person's. Embeddings are summed up in memory and go nowhere else.

    What is held of a recording is bounded but for a number a track: once there are 1,024 tracks, those that look alike
    are joined for good, and if this leaves more than half of them, the ones not seen for longest stay as they are.
    """

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._place: dict[int, int] = {}
        """Of each open track: the index of its group."""
        self._apart: NDArray[np.bool_] = np.zeros((16, 16), np.bool_)
        """Between groups: whether a frame showed both. Each is apart from itself, too, which means nothing."""
        self._in_view = b""
        self._changes = 0
        self._closed: dict[int, int] = {}
        """Of each track to which nothing is joined any more: the first one of its person."""

    def get_state(self) -> dict[str, Any]:
        """Return all that is remembered between two frames."""
        return vars(self)

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state, which is not used any more."""
        vars(self).update(state)

    def see(self, tracks: NDArray[np.int32]) -> None:
        """Takes the tracks (N,) that one frame shows together."""
        # Mostly the same ones as in the frame before.
        in_view = tracks.tobytes()
        if in_view == self._in_view:
            return
        self._in_view = in_view
        self._changes += 1
        places = self._open(tracks.tolist())
        self._apart[np.ix_(places, places)] = True

    def add(self, track: int, embedding: NDArray[np.float32]) -> None:
        """Takes an embedding (128,) of a track's face."""
        for place in self._open([track]):
            self._groups[place].total += embedding
            self._groups[place].embeddings += 1

    def numbers(self) -> dict[int, int]:
        """The person of every track, numbered from 1 in the order of their first tracks.

        A track that nothing joins, or without an embedding, is a person of its own.
        """
        first = dict(self._closed)
        for person in self._joined():
            first.update(dict.fromkeys(person.tracks, person.first))
        number = {one: number for number, one in enumerate(sorted(set(first.values())), 1)}
        return {track: number[first[track]] for track in sorted(first)}

    def _open(self, tracks: list[int]) -> list[int]:
        """The indices of the tracks' groups, but for those that are closed."""
        new = [track for track in tracks if track not in self._place and track not in self._closed]
        if self._groups and len(self._groups) + len(new) > _OPEN:
            self._make_room()
        for track in new:
            self._place[track] = len(self._groups)
            self._groups.append(_Group([track]))
        while len(self._groups) > len(self._apart):
            self._apart = np.pad(self._apart, (0, len(self._apart)))
        places = [self._place[track] for track in tracks if track in self._place]
        for place in places:
            self._groups[place].last_change = self._changes
        return places

    def _make_room(self) -> None:
        """Joins for good, and closes those not seen for longest, down to half of the places."""
        joined = sorted(self._joined(), key=lambda person: (person.last_change, person.first))
        closed, open_groups = joined[: -_OPEN // 2], joined[-_OPEN // 2 :]
        for person in closed:
            self._closed.update(dict.fromkeys(person.tracks, person.first))
        places = [[self._place[track] for track in person.tracks] for person in open_groups]
        met = np.array([self._apart[rows].any(0) for rows in places])
        self._apart = np.array([met[:, rows].any(1) for rows in places])
        self._groups = open_groups
        self._place = {track: place for place, person in enumerate(open_groups) for track in person.tracks}

    def _joined(self) -> list[_Group]:
        """The open groups, those of one person in one."""
        # By their first tracks, so that the order of calls has no say.
        order = sorted(range(len(self._groups)), key=lambda place: self._groups[place].first)
        known = [place for place in order if self._groups[place].embeddings]
        groups = [self._groups[place] for place in known]
        persons = [self._groups[place] for place in order if not self._groups[place].embeddings]
        if groups:
            means = np.stack([group.total / group.embeddings for group in groups])
            weights = np.array([len(group.tracks) for group in groups], np.float64)
            person = linked(means, weights, self._apart[np.ix_(known, known)])
            persons += [_merge([groups[i] for i in np.flatnonzero(person == one)]) for one in np.unique(person)]
        return persons


def _merge(groups: list[_Group]) -> _Group:
    return _Group(
        [track for group in groups for track in group.tracks],
        np.sum([group.total for group in groups], axis=0),
        sum(group.embeddings for group in groups),
        max(group.last_change for group in groups),
    )


def linked(means: NDArray[np.float64], weights: NDArray[np.float64], apart: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Average linkage with pairs that must not be joined, up to the distance at which people are told apart.

    Args:
        means: (N, 128) mean embeddings.
        weights: (N,) how many tracks each stands for.
        apart: (N, N) whether two are certainly different people; the diagonal does not matter.

    Returns:
        (N,) for each the smallest index of those that it is joined with.
    """
    squares = (means**2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0)).astype(np.float32)
    weights, group = weights.copy(), np.arange(len(means))
    np.fill_diagonal(distances, np.inf)
    # Infinity outlasts every average.
    distances[apart] = np.inf
    nearest = distances.argmin(1)
    least = distances.min(1)
    while least[best := int(least.argmin())] <= _JOINED:
        i, j = sorted((best, int(nearest[best])))
        row = (weights[i] * distances[i] + weights[j] * distances[j]) / (weights[i] + weights[j])
        distances[i] = distances[:, i] = row
        distances[j] = distances[:, j] = np.inf
        weights[i] += weights[j]
        group[group == j] = i
        # An average is no less than the least of its parts: whose nearest was neither has kept it.
        stale = np.union1d(np.flatnonzero((nearest == i) | (nearest == j)), [i, j])
        nearest[stale] = distances[stale].argmin(1)
        least[stale] = distances[stale].min(1)
    return group
