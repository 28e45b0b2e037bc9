"""Whether a new face is one that was missed for a while: by its looks and, where these are vague, by its place."""

from __future__ import annotations

from typing import Final

import numpy as np

from fer_batch.tracking.appearance import OTHER, SAME, Looks, difference
from fer_batch.tracking.matching import affinity
from fer_batch.tracking.track import Track, boxes_of

_SAME: Final = 0.45
"""Likeness of portraits from which on a new face near the place of a missing one is taken for it: of two people's
portraits one in 50 is so alike."""
_BEHIND: Final = -0.3
"""Likeness that suffices for a face that was hidden by another and turns up near it: somebody else would have had to
come in its stead."""
_NEAR: Final = np.float32(2.4)
"""Box sizes from where it was expected at which a missing face may turn up without an embedding to prove it."""
_REMEMBERED_S: Final = 60.0
"""Time for which a face that went is known again by its embedding, as the same track: who comes back later is a new
track, and may be the same person."""
_REMEMBERED: Final = 64
"""Most such faces."""


class Returns:
    """Faces of this shot that were missed, against which new ones are held."""

    def __init__(self) -> None:
        self._gone: list[Track] = []

    def leave(self, track: Track) -> None:
        """A believed track that nobody waits for at its place any more."""
        if track.who.embeddings:
            self._gone = [*self._gone[-_REMEMBERED + 1 :], track]

    def forget(self) -> None:
        """Ends the shot."""
        self._gone.clear()

    def settle(self, track: Track, row: int, time_s: float, missing: list[Track], alone: bool, looks: Looks) -> bool:
        """Looks at a new track's face; whether it is clear by now whom it continues: its ``former``, or nobody.

        Args:
            track: the new one.
            row: its face in this frame.
            time_s: the frame's time.
            missing: believed tracks that were not found in this frame.
            alone: whether the face is seen whole.
            looks: of the frame's faces.
        """
        self._gone = [one for one in self._gone if time_s - one.seen_s <= _REMEMBERED_S]
        # Nobody is at two places at once.
        missing = [one for one in missing if one.seen_s < track.began_s]
        gone = [one for one in self._gone if one.seen_s < track.began_s]
        near = _near(track, time_s, missing)
        known = [one for one in [*missing, *gone] if one.who.embeddings]
        if track.former is not None and track.former not in near:
            track.former, track.likeness = None, -1.0
        if not near and not known:
            return True
        embedding = looks.embedding(row) if alone and known else None
        clear = not known
        if embedding is not None:
            track.who.embeddings, track.who.embedded_s = [embedding], time_s
            distances = {one: difference(one.who.embeddings, embedding) for one in known}
            nearest = min(distances, key=distances.__getitem__)
            if distances[nearest] <= SAME:
                track.former, track.likeness = nearest, 1.0
                return True
            near = [one for one in near if distances.get(one, SAME) < OTHER]
            clear = distances[nearest] >= OTHER
        if track.former not in near:
            track.former, track.likeness = None, -1.0
        for one in near:
            likeness = one.who.likeness_to(looks.portrait(row))
            if likeness is not None and likeness > track.likeness:
                track.former, track.likeness = one, likeness
        return clear and not near if track.former is None else track.likeness >= _SAME

    def decide(self, track: Track) -> Track | None:
        """Whom a new track continues, when there is no time left to find out."""
        former, track.former = track.former, None
        if former is None or former.seen_s >= track.began_s or (former.over and former not in self._gone):
            return None
        return former if track.likeness >= (_BEHIND if former.coverer is not None else _SAME) else None

    def take_back(self, track: Track) -> None:
        """It has come back."""
        self._gone = [one for one in self._gone if one is not track]


def _near(track: Track, time_s: float, missing: list[Track]) -> list[Track]:
    """The missing ones that have been expected about where a new one is."""
    if not missing:
        return []
    reach = np.full(len(missing), _NEAR, np.float32)
    place = boxes_of([track], time_s)
    # Who went behind another face may come out wherever that one is by now.
    coverers = [one if one.coverer is None else one.coverer for one in missing]
    table = np.maximum(
        affinity(place, boxes_of(missing, time_s), reach), affinity(place, boxes_of(coverers, time_s), reach)
    )[0]
    return [one for one, worth in zip(missing, table.tolist(), strict=True) if worth > 0]
