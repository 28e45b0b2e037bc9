"""Re-identification by embeddings: faces that return, and tracks that were mistaken for each other."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.boxes import affinity, overlaps
from fer_batch.tracking.appearance import OTHER, SAME, FaceAppearance, difference
from fer_batch.tracking.track import WAIT_S, Identity, Track, boxes_of

NEAR: Final = 0.1
"""Overlap of two faces from which on they may be taken for each other, and one be hidden by the other."""
_MARGIN: Final = 0.1
"""By how much nearer another one's embedding must be for two tracks to have been mistaken for each other."""
_ASK_S: Final = 0.1
"""Time after which it may be asked again who is who among faces that overlapped."""
_CHANGED: Final = 0.35
"""Likeness to its own portrait of a fifth of a second ago below which a face may have become another one: 1 % of one
person's are less alike."""
_UNMISTAKABLE: Final = 0.6
"""Likeness to its portrait when it last was for certain from which on it need not be asked: of two people's portraits
none in 100 is so alike."""
_ASK_AGAIN_S: Final = 2.0
"""Time after which it is asked where a face looks otherwise than then, but changed little by little."""
_STRANGER: Final = 0.65
"""Distance from its embeddings from which on a face is not the track's any more; 1 % of one person's are beyond 0.6."""
_CONVINCED: Final = 3
"""How often in a row that must be so."""


def note_rivals(tracks: list[Track], boxes: NDArray[np.float32]) -> None:
    """Notes whose faces are so near each other that they may be mistaken.

    Args:
        tracks: those that are followed.
        boxes: (N, 4) where they are.
    """
    for track in tracks:
        track.rivals = [one for one in track.rivals if not one.over]
    for i, j in np.argwhere(np.triu(overlaps(boxes, boxes), 1) >= NEAR).tolist():
        for one, other in ((tracks[i], tracks[j]), (tracks[j], tracks[i])):
            if other not in one.rivals:
                one.rivals.append(other)


def claim(track: Track, row: int, owners: list[Track | None], appearance: FaceAppearance) -> None:
    """Lets a new track go on as one beside it that has left its face for another's while they overlapped.

    Args:
        track: the new one.
        row: its face in this frame.
        owners: whose all faces of this frame are.
        appearance: of these faces.
    """
    for rival in track.rivals:
        if not rival.who.embeddings or rival not in owners:
            continue
        own, other = appearance.embedding(row), appearance.embedding(owners.index(rival))
        if own is None or other is None:
            continue
        distance = difference(rival.who.embeddings, own)
        if distance <= SAME and distance < difference(rival.who.embeddings, other) - _MARGIN:
            track.exchange(rival)
            # The rival is new now, as somebody who was missed before the two came apart.
            rival.began_s = track.began_s - WAIT_S
            return


def make_certain(track: Track, row: int, time_s: float, appearance: FaceAppearance) -> None:
    """Compares a face that has come free of others with itself and with them, and mends a mix-up."""
    if time_s - track.certain_s < _ASK_S:
        return
    track.certain_s = time_s
    rivals, track.rivals = [one for one in track.rivals if one.who.embeddings and not one.over], []
    if not rivals or not track.who.embeddings or (embedding := appearance.embedding(row)) is None:
        return
    distances = [difference(one.who.embeddings, embedding) for one in rivals]
    nearest = int(np.argmin(distances))
    if distances[nearest] <= SAME and distances[nearest] < difference(track.who.embeddings, embedding) - _MARGIN:
        track.exchange(rivals[nearest])


def is_another(who: Identity, row: int, time_s: float, appearance: FaceAppearance) -> bool:
    """Whether a face has become another one at its place, as in a dissolve or where a cut shows nothing else new.

    Asked where the portrait has changed, at once or little by little; believed when it was so several times in a row.
    """
    if not who.number or not who.embeddings:
        return False
    portrait = appearance.portrait(row)
    likeness = who.likeness_to(portrait)
    if portrait is None or likeness is None:
        return False
    if not who.doubts and likeness >= _CHANGED:
        alike = who.proven is not None and float(portrait @ who.proven) >= _UNMISTAKABLE
        if alike or time_s - who.checked_s < _ASK_AGAIN_S:
            return False
    if (embedding := appearance.embedding(row)) is None:
        return False
    who.checked_s = time_s
    if difference(who.embeddings, embedding) < _STRANGER:
        who.doubts, who.proven = 0, portrait
    else:
        who.doubts += 1
    return who.doubts >= _CONVINCED


_SAME: Final = 0.45
"""Likeness of portraits from which on a new face near the place of a missing one is taken for it: of two people's
portraits one in 50 is so alike."""
_BEHIND: Final = -0.3
"""Likeness that suffices for a face that was hidden by another and turns up near it: somebody else would have had to
come in its stead."""
_NEAR: Final = np.float32(2.4)
"""Box sizes from where it was expected at which a missing face may turn up without an embedding to prove it."""
_MEMORY_S: Final = 60.0
"""Time for which a face that went is known again by its embedding, as the same track: who comes back later is a new
track, and may be the same person."""
_MAX_REMEMBERED: Final = 64
"""Most such faces."""


class Reidentifier:
    """Faces of this shot that were missed, against which new ones are held."""

    def __init__(self) -> None:
        self._ended: list[Track] = []

    def leave(self, track: Track) -> None:
        """A believed track that nobody waits for at its place any more."""
        if track.who.embeddings:
            self._ended = [*self._ended[-_MAX_REMEMBERED + 1 :], track]

    def forget(self) -> None:
        """Ends the shot."""
        self._ended.clear()

    def settle(
        self, track: Track, row: int, time_s: float, missing: list[Track], alone: bool, appearance: FaceAppearance
    ) -> bool:
        """Looks at a new track's face; whether it is clear by now whom it continues: its ``former``, or nobody.

        Args:
            track: the new one.
            row: its face in this frame.
            time_s: the frame's time.
            missing: believed tracks that were not found in this frame.
            alone: whether the face is seen whole.
            appearance: of the frame's faces.
        """
        self._ended = [one for one in self._ended if time_s - one.seen_s <= _MEMORY_S]
        # Nobody is at two places at once.
        missing = [one for one in missing if one.seen_s < track.began_s]
        ended = [one for one in self._ended if one.seen_s < track.began_s]
        near = _near(track, time_s, missing)
        embedded = [one for one in [*missing, *ended] if one.who.embeddings]
        if track.former is not None and track.former not in near:
            track.former, track.likeness = None, -1.0
        if not near and not embedded:
            return True
        embedding = appearance.embedding(row) if alone and embedded else None
        clear = not embedded
        if embedding is not None:
            track.who.embeddings, track.who.embedded_s = [embedding], time_s
            distances = {one: difference(one.who.embeddings, embedding) for one in embedded}
            nearest = min(distances, key=distances.__getitem__)
            if distances[nearest] <= SAME:
                track.former, track.likeness = nearest, 1.0
                return True
            near = [one for one in near if distances.get(one, SAME) < OTHER]
            clear = distances[nearest] >= OTHER
        if track.former not in near:
            track.former, track.likeness = None, -1.0
        for one in near:
            likeness = one.who.likeness_to(appearance.portrait(row))
            if likeness is not None and likeness > track.likeness:
                track.former, track.likeness = one, likeness
        return clear and not near if track.former is None else track.likeness >= _SAME

    def decide(self, track: Track) -> Track | None:
        """Whom a new track continues, when there is no time left to find out."""
        former, track.former = track.former, None
        if former is None or former.seen_s >= track.began_s or (former.over and former not in self._ended):
            return None
        return former if track.likeness >= (_BEHIND if former.coverer is not None else _SAME) else None

    def take_back(self, track: Track) -> None:
        """It has come back."""
        self._ended = [one for one in self._ended if one is not track]


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
