"""Identity through time: which face of this frame is which face of those before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.boxes import FARTHEST, affinity, overlaps, pairs
from fer_batch.tracking.appearance import FaceAppearance, View
from fer_batch.tracking.kalman_filter import BoxKalmanFilter
from fer_batch.tracking.reidentification import NEAR, Reidentifier, claim, is_another, make_certain, note_rivals
from fer_batch.tracking.track import REFUSALS, WAIT_S, Identity, Track, boxes_of
from fer_batch.types import Faces

_MISSED = 2
"""Frames in which a face must be missed before its track may end, however far apart they are."""
_SUFFICES = 3
"""Frames in which a face must be found for its track to be believed in: textures are faces for a frame or two."""
_FASTEST = 7.0
"""Box sizes a second that a face may move more than its track foretells: a head jerked by its own width in 0.1 s."""
_NEAR = 0.15
"""Least affinity of a face and a track."""
_OVERLAP = 0.3
"""Least overlap of a weak detection and the track that it carries on."""
_DOUBLE = 0.4
"""Overlap with a face of this frame from which on another one is the same face found twice."""
_APART = 0.05
"""Overlap with another face below which a face is seen whole, so that its looks are its own."""
_COVER = 0.1
"""What a face that went behind another is worth less, so that one face alone remains the one before."""
_APPEARANCE_WEIGHT = 1.0
"""How much looks count beside place where several faces and tracks compete."""
_UNKNOWN = 0.3
"""Likeness assumed where there is nothing to compare: between that of one person and of two."""
_REFRESH_S = 0.2
"""Time after which a track's portrait is renewed."""
_EMBEDDINGS = 4
"""Most embeddings of a track: at its beginning, after a second, and each time it has grown four times as old."""
_ASK_AGAIN_S = (0.25, 2.0)
"""Seconds after which a doubted track is looked at again: at first, and at most."""
_AGREEMENTS = 2
_CLEAR = 1.04
"""Second looks in a row that must show a face so clearly for a track to be confirmed. Textures are looked at many
times; a face that is seen in one frame alone, as in a photo, needs an evidence of 1."""
_CLEARER = 0.05
"""Gain of the score since it was last looked at, from which on a doubted track is looked at again at once."""
_RECHECK_S = 8.0
"""Seconds after which a confirmed track is looked at again, at most; the time doubles from one second on."""
_UNSEEN = 4
"""Second looks in a row that must fail, a quarter of a second apart at least, for a believed track to be doubted."""
_UNSURE = 0.8
"""Score of the detector from which on a failed second look at a believed track does not count: MediaPipe misses faces
in profile."""
_GAP_S = 0.3
"""Seconds after which a face must look like the track's, which it may have replaced meanwhile."""


class Tracker:
    """Follows faces by where they are, how they move and, where that leaves a choice, how they look.

    A face continues the track whose predicted box it overlaps best, one to one, best pairs first. Weak detections only
    carry on what stronger ones began (Zhang et al. 2022, ByteTrack). A new track that turns out to be a missing one
    takes its number. Everything is in seconds and shares of the picture, so frame rate, gaps and resolution do not
    matter.

    Args:
        minimum_score: detections with less do not begin a track.
        patience_s: seconds for which a face may be missing where only its place tells that it is the same.
        memory_s: seconds for which it may be missing where its portrait tells it too.
        on_embedding: called with the number of each believed track and an embedding (128,) of it.
        first: number of the first track.
    """

    def __init__(
        self,
        minimum_score: float = 0.5,
        patience_s: float = 1.0,
        memory_s: float = 3.0,
        on_embedding: Callable[[int, NDArray[np.float32]], None] | None = None,
        first: int = 1,
    ) -> None:
        self._minimum_score = minimum_score
        self._patience_s = patience_s
        self._memory_s = memory_s
        self._on_embedding = on_embedding
        self._tracks: list[Track] = []
        self._returns = Reidentifier()
        self._next = first

    def get_state(self) -> tuple[list[Track], Reidentifier, int]:
        """All that it remembers between two calls."""
        return self._tracks, self._returns, self._next

    def set_state(self, state: tuple[list[Track], Reidentifier, int]) -> None:
        """Continues another one."""
        self._tracks, self._returns, self._next = state

    @property
    def tracks(self) -> list[Track]:
        """Those that may be carried on, oldest first."""
        return self._tracks

    def expected(self, time_s: float, unit: float) -> NDArray[np.float32]:
        """(M, 4) x, y, width, height in pixels where faces should be that were seen not long ago."""
        awaited = [
            track for track in self._tracks if track.missed <= _MISSED or time_s - track.seen_s <= self._patience_s
        ]
        return boxes_of(awaited, time_s) * np.float32(unit)

    def update(self, time_s: float, faces: Faces, unit: float = 1.0, view: View | None = None) -> list[Track | None]:
        """Whose the frame's faces are; None for a weak detection that carries nothing on.

        Args:
            time_s: the frame's time in seconds; never less than the last call's.
            faces: detections, any order; their ``tracks`` are ignored.
            unit: pixels that make a length of 1, the picture's width: a recording may change its resolution.
            view: the picture, looked at only where looks matter; without it, place alone decides.
        """
        for track in self._tracks:
            track.missed += 1
        self._drop(lambda track: self._is_over(track, time_s))
        boxes, appearance = faces.boxes / np.float32(unit), FaceAppearance(faces, view)
        owners: list[Track | None] = [None] * len(faces)
        hidden = _hidden(boxes, faces.scores)
        for row, track in self._continued(time_s, faces, boxes, appearance):
            track.find(boxes[row], time_s, hidden[row])
            owners[row] = track
        for row in self._newcomers(faces, boxes, owners):
            owners[row] = track = Track(BoxKalmanFilter(boxes[row], time_s), time_s, time_s, Identity(time_s))
            self._tracks.append(track)
        self._look(time_s, faces, boxes, owners, appearance)
        for track in self._tracks:
            # One that was believed in until it was found to be somebody else.
            if track.is_new and track.confirmed and track.missed >= _MISSED and track.hits >= _SUFFICES:
                self._believe(track)
        self._drop(lambda track: not track.number and track.missed >= _MISSED)
        return owners

    def decide(self, track: Track) -> None:
        """Believes in a new track or gives it up: there is no time left to wait for more."""
        if not (track.confirmed or (track.hits == 1 and track.evidence >= 1)):
            track.refused = max(track.refused, REFUSALS)
            return
        former = self._returns.decide(track)
        enough = track.hits >= _SUFFICES if track.hits + track.missed >= _SUFFICES else track.hits > track.missed
        if not enough:
            self._drop(lambda other: other is track)
        elif former is not None:
            self._resume(track, former)
        else:
            self._believe(track)

    def end(self) -> None:
        """Ends all tracks, as a cut does."""
        self._drop(lambda _: True)
        self._returns.forget()

    def _continued(
        self, time_s: float, faces: Faces, boxes: NDArray[np.float32], appearance: FaceAppearance
    ) -> list[tuple[int, Track]]:
        """Rows of the faces that carry on tracks."""
        if not len(faces) or not self._tracks:
            return []
        predicted = boxes_of(self._tracks, time_s)
        reach = np.array([min(FARTHEST, 0.5 + _FASTEST * (time_s - track.seen_s)) for track in self._tracks])
        near = affinity(boxes, predicted, reach.astype(np.float32))
        strong = (faces.scores >= self._minimum_score)[:, None]
        possible = near >= np.where(strong, np.float32(_NEAR), np.float32(_OVERLAP))
        # Who was not seen for a while may have been replaced: that is looked into as with any new face.
        for column, track in enumerate(self._tracks):
            if track.who.portrait is not None and track.missed > 1 and time_s - track.seen_s > _GAP_S:
                possible[:, column] = False
            elif track.is_new:
                possible[:, column] &= strong[:, 0]
        if not (possible.sum(0) > 1).any() and not (possible.sum(1) > 1).any():
            return [(row, self._tracks[column]) for row, column in np.argwhere(possible).tolist()]
        worth = self._worth(near, possible, appearance)
        # The strong first; what they leave is carried on by weak ones.
        matched = pairs(np.where(possible & strong, worth, -np.inf), 0)
        matched_columns = [column for _, column in matched]
        possible[:, matched_columns] = False
        matched += pairs(np.where(possible & ~strong, worth, -np.inf), 0)
        return [(row, self._tracks[column]) for row, column in matched]

    def _worth(
        self, near: NDArray[np.float32], possible: NDArray[np.bool_], appearance: FaceAppearance
    ) -> NDArray[np.float32]:
        """What each pair is worth: its affinity, and its likeness where there is a choice."""
        contested = (possible.sum(1) > 1)[:, None] | (possible.sum(0) > 1)
        worth = near + np.float32(_APPEARANCE_WEIGHT * _UNKNOWN)
        for row, column in np.argwhere(possible & contested).tolist():
            track = self._tracks[column]
            likeness = track.who.likeness_to(appearance.portrait(row))
            if likeness is not None:
                worth[row, column] += _APPEARANCE_WEIGHT * (likeness - _UNKNOWN)
            if track.coverer is not None:
                worth[row, column] -= _COVER
        return worth

    def _newcomers(self, faces: Faces, boxes: NDArray[np.float32], owners: list[Track | None]) -> list[int]:
        """Rows of the strong detections that are nobody's, without those that are somebody's second."""
        free = [row for row, owner in enumerate(owners) if owner is None and faces.scores[row] >= self._minimum_score]
        owned = [row for row, owner in enumerate(owners) if owner is not None]
        if not free or not owned:
            return free
        doubles = overlaps(boxes[free], boxes[owned]).max(1) >= _DOUBLE
        return [row for row, double in zip(free, doubles.tolist(), strict=True) if not double]

    def _look(
        self,
        time_s: float,
        faces: Faces,
        boxes: NDArray[np.float32],
        owners: list[Track | None],
        appearance: FaceAppearance,
    ) -> None:
        """Decides on new tracks that can be decided on, and looks at those seen whole, now and then."""
        tracks, missing = self._tracks, [track for track in self._tracks if track.missed and track.number]
        shared = np.zeros((len(boxes), len(tracks)), np.float32)
        if len(tracks) > 1:
            places = boxes_of(tracks, time_s)
            shared = overlaps(boxes, places)
            note_rivals(tracks, places)
            _note_coverers(time_s, boxes, owners, missing)
        for row, track in enumerate(owners):
            if track is None:
                continue
            sure = bool(faces.scores[row] >= self._minimum_score)
            self._confirm(track, row, time_s, float(faces.scores[row]), appearance)
            near = [one for one, share in zip(tracks, shared[row].tolist(), strict=True) if share > _APART]
            among_found = all(one is track or one.over or one.missed for one in near)
            if track.is_new or (track.rivals and sure):
                if among_found and track.is_new:
                    claim(track, row, owners, appearance)
                elif among_found:
                    make_certain(track, row, time_s, appearance)
                if track.is_new:
                    self._settle(track, row, time_s, missing, among_found, appearance)
            due = sure and time_s - track.who.portrait_s >= _REFRESH_S
            if due and all(one is track or one.over for one in near):
                if is_another(track.who, row, time_s, appearance):
                    self._part(track, time_s)
                self._remember(track.who, row, time_s, appearance)

    def _confirm(self, track: Track, row: int, time_s: float, score: float, appearance: FaceAppearance) -> None:
        """Have a second look taken at a track that is new, doubted, or was not looked at for a while."""
        if track.confirmed:
            wait_s = _ASK_AGAIN_S[0] if track.refused else track.interval_s
        elif track.refused < REFUSALS:
            wait_s = 0.0
        else:
            wait_s = min(_ASK_AGAIN_S[0] * 2 ** (track.refused - REFUSALS), _ASK_AGAIN_S[1])
        clearer = not track.confirmed and score >= track.judged_score + _CLEARER
        if score < self._minimum_score or (time_s - track.judged_s < wait_s and not clearer):
            return
        track.judged_s, track.judged_score = time_s, score
        track.evidence = appearance.evidence(row)
        if track.evidence >= (1.0 if track.confirmed else _CLEAR):
            track.interval_s = min(2 * track.interval_s, _RECHECK_S) if track.confirmed else 1.0
            track.agreed, track.refused = track.agreed + 1, 0
            track.confirmed |= track.agreed >= _AGREEMENTS
        elif track.confirmed and score >= _UNSURE:
            track.refused = 0
        else:
            track.agreed, track.refused = 0, track.refused + 1
            if track.confirmed and track.refused >= _UNSEEN:
                self._part(track, time_s)
                track.confirmed = False

    def _settle(
        self, track: Track, row: int, time_s: float, missing: list[Track], alone: bool, appearance: FaceAppearance
    ) -> None:
        missing = [other for other in missing if not other.over]
        if not track.confirmed or not self._returns.settle(track, row, time_s, missing, alone, appearance):
            return
        if track.former is not None:
            self._resume(track, track.former)
        elif track.hits >= _SUFFICES and (alone or not track.rivals):
            self._believe(track)

    def _part(self, track: Track, time_s: float) -> None:
        """Lets a track's face go on as somebody new; who it was may come back."""
        self._returns.leave(replace(track, over=True, rivals=[], coverer=None, former=None))
        track.who, track.began_s, track.hits = Identity(time_s), time_s - WAIT_S, 1

    def _remember(self, who: Identity, row: int, time_s: float, appearance: FaceAppearance) -> None:
        portrait = appearance.portrait(row)
        if portrait is None:
            return
        who.remember(portrait, time_s)
        wait_s = 1.0 if len(who.embeddings) < 2 else 3 * (who.embedded_s - who.born_s)
        if not who.number or len(who.embeddings) >= _EMBEDDINGS or time_s - who.embedded_s < wait_s:
            return
        embedding = appearance.embedding(row)
        if embedding is not None:
            who.embeddings.append(embedding)
            who.embedded_s = time_s
            self._report(who.number, embedding)

    def _believe(self, track: Track) -> None:
        """Gives a track its number, the next one that was never used."""
        track.who.number = self._next
        track.former, track.likeness = None, -1.0
        self._next += 1
        for embedding in track.who.embeddings:
            self._report(track.who.number, embedding)

    def _resume(self, track: Track, former: Track) -> None:
        """Makes a new track the continuation of one that was missed."""
        track.hits += former.hits
        if not former.who.embeddings and track.who.embeddings:
            former.who.embeddings = track.who.embeddings
            for embedding in track.who.embeddings:
                self._report(former.who.number, embedding)
        track.who, track.former, track.likeness = former.who, None, -1.0
        self._tracks = [other for other in self._tracks if other is not former]
        former.over = True
        former.forget()
        self._returns.take_back(former)

    def _report(self, number: int, embedding: NDArray[np.float32]) -> None:
        if self._on_embedding is not None:
            self._on_embedding(number, embedding)

    def _is_over(self, track: Track, time_s: float) -> bool:
        patience_s = self._patience_s if track.who.portrait is None else self._memory_s
        return track.missed > _MISSED and time_s - track.seen_s > patience_s

    def _drop(self, condition: Callable[[Track], bool]) -> None:
        """Ends the tracks for which the condition holds."""
        for track in self._tracks:
            track.over = condition(track)
            if track.over:
                track.forget()
                if track.number:
                    self._returns.leave(track)
        self._tracks = [track for track in self._tracks if not track.over]


def _hidden(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[float]:
    """The share of each box that a face of a higher score lies upon: the one that is hidden is seen less well."""
    if len(boxes) < 2:
        return [0.0] * len(boxes)
    before = np.where(scores[None] > scores[:, None], overlaps(boxes, boxes), 0)
    return [float(share) for share in before.max(1)]


def _note_coverers(time_s: float, boxes: NDArray[np.float32], owners: list[Track | None], missing: list[Track]) -> None:
    """Who may be hiding those that were found until now."""
    fresh = [track for track in missing if track.missed == 1]
    if fresh and len(boxes):
        shared = overlaps(boxes_of(fresh, time_s), boxes)
        for track, row, most in zip(fresh, shared.argmax(1).tolist(), shared.max(1).tolist(), strict=True):
            track.coverer = owners[row] if most >= NEAR else None
