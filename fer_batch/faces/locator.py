"""Faces of a frame in the frame's own pixels, found in a small picture of it and, where it pays, in closer ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.errors import InputError
from fer_batch.faces.alignment import ANCHORS
from fer_batch.faces.association import overlaps
from fer_batch.faces.closeup import look_at, proposals
from fer_batch.faces.covering import AWAY
from fer_batch.faces.detectors import Detectors
from fer_batch.faces.kinds import LOWEST_SCORE, MINIMUM_SCORE, Detector
from fer_batch.faces.looker import Looker
from fer_batch.faces.merging import distinct, matches
from fer_batch.faces.plausible import plausible
from fer_batch.faces.schedule import Schedule
from fer_batch.types import Faces
from fer_batch.video.frame import Frame

_TRUSTED = 0.75
"""A new face with less is looked at a second time, at another scale: textures, lettering and pillars reach 0.72."""
_PROPOSED = 0.2
"""Score of the full-range network from which on a place is looked at more closely: 40 places in a hundred tiles full of
texture, and 10 % more small faces than at 0.3."""
_LARGE = 0.2
"""Share of the picture's longer side from which on the short-range network finds nearly every face, and its place to a
few hundredths; smaller ones are found now and then, up to 1.4 times too large."""
_SAME = 0.5
"""Overlap of the boxes of one face in two views, at least; usually it is 0.87."""
_AWAY = 0.9
"""Share of the least score that a new face needs in the view from farther away."""
_CLOSE_UP = 0.6
"""Share of the picture's longer side from which on a new face is believed at once: nothing that large was ever seen in
960 pictures full of texture, and there is no room around it for a second look, which would lose one close-up photograph
in a hundred."""
_FILLING = 0.35
"""Share of the picture's longer side from which on a face fills it."""
_SURELY = 1.1
"""The same for a face that fills the picture in the view from near."""
_PLACES = 48
"""Close pictures of expected faces that are looked at in one frame, at most; each has one to four faces. Where there
are more, they are looked at in turn."""

_MOST_TOGETHER = 4
"""Parts of a frame that are looked at at the same time, at most: each takes a network, and threads of MediaPipe's."""

_FRESH = 0.2
"""Overlap with a known face from which on a proposal is of that face."""
_NOWHERE: NDArray[np.float32] = np.zeros((0, 4), np.float32)


class FaceLocator(Closing):
    """Finds the faces of one frame after another.

    Every kind looks at a small picture of each frame. "auto" also looks at parts of it, at full resolution: at the
    whole in tiles at the start of a recording, after a cut and ever more rarely while that shows nobody new (see
    :class:`~fer_batch.faces.schedule.Schedule`), and in every frame at the places of expected faces that are too small
    for the small picture or missed in it. A new face that is not sure is looked at a second time by all kinds.

    Args:
        kind: "auto", "short" or "full".
        minimum_score: detections below it are given only where a face is expected.
        threads: parts of a frame that are looked at at the same time, which changes no result.

    Raises:
        InputError: when there is no such detector.
        ModelError: when its file is missing or altered.
    """

    def __init__(self, kind: str, minimum_score: float = MINIMUM_SCORE, threads: int = 1) -> None:
        if kind not in list(Detector):
            raise InputError(f"--detector {kind}: give {' or '.join(Detector)}.")
        self._minimum = minimum_score
        self._looker = Looker(kind, minimum_score)
        together = max(1, min(threads, _MOST_TOGETHER))
        first = None if kind == Detector.full else self._looker.detector
        self._near = Detectors(Detector.short, min(LOWEST_SCORE, minimum_score), together, first)
        self._far = Detectors(Detector.full, _PROPOSED, together) if kind == Detector.auto else None
        self.begin()

    def begin(self) -> None:
        """A new recording or photo: the next frame is its first one."""
        self._schedule = Schedule()
        self._turn = 0

    @property
    def state(self) -> tuple[Schedule, int]:
        """All that it remembers of a recording between two frames."""
        return self._schedule, self._turn

    def go_on(self, state: tuple[Schedule, int]) -> None:
        """Continues another one."""
        self._schedule, self._turn = state

    def prepare(self, frame: Frame) -> None:
        """Makes the picture that :meth:`locate` looks at, in whatever thread this is called."""
        self._looker.prepare(frame)

    def locate(
        self,
        frame: Frame,
        expected: NDArray[np.float32] | None = None,
        new_shot: bool = False,
        seen: Faces | None = None,
    ) -> Faces:
        """The faces that can be registered, best score first, without tracks.

        Args:
            frame: not before the last call's.
            expected: (M, 4) x, y, width, height in pixels of the frame, where known faces should be now. There
                detections down to ``LOWEST_SCORE`` are given too.
            new_shot: after a cut; nothing is where it was.
            seen: what a :class:`~fer_batch.faces.looker.Looker` of this kind has found in the frame; else it is looked
                at now.
        """
        known = _NOWHERE if expected is None else expected
        faces = self._looker.look(frame) if seen is None else seen
        if self._far is None:
            faces = self._without_textures(frame, faces, known)
        else:
            faces = self._closely(frame, faces, known, new_shot, self._far)
        return faces[_registrable(faces)]

    def close(self) -> None:
        """Releases the detectors."""
        self._looker.close()
        for detector in (self._near, self._far):
            if detector is not None:
                detector.close()

    def _without_textures(self, frame: Frame, faces: Faces, known: NDArray[np.float32]) -> Faces:
        """Those that are known, sure or seen a second time."""
        keep = matches(faces.boxes, known) >= 0
        new = ~keep & (faces.scores >= self._minimum)
        shares = faces.boxes[:, 2:].max(1, initial=0.0) / max(frame.width, frame.height)
        sure = new & _certain(faces, shares)
        keep |= sure
        doubtful = np.flatnonzero(new & ~sure)
        if len(doubtful):
            _, _, places = self._confirmed(frame, faces.boxes[doubtful], _NOWHERE)
            keep[doubtful[places]] = True
        return faces[keep]

    def _confirmed(
        self, frame: Frame, shown: NDArray[np.float32], proposed: NDArray[np.float32]
    ) -> tuple[Faces, NDArray[np.float32], NDArray[np.intp]]:
        """New faces at places that the small picture has shown and at proposed ones; what
        :func:`~fer_batch.faces.closeup.look_at` returns of them.

        Each is looked at again where the first look saw it, from farther away. A face keeps its score, but a texture,
        which got it by the way it was cut, does not: a quarter as large as the picture, 171 faces 22 to 42 pixels high
        have 0.65 or more, and what was seen in textures with 0.5 to 0.67 has 0.39 or less. A face that fills the
        picture has no surroundings to be seen in; the first look must show it at the very place, and surely: 96 % of
        113 such faces have 0.5 or more then, textures 0.52 or less.
        """
        boxes = np.concatenate([shown, proposed])
        near, shares, places = look_at(frame.luma(), boxes, self._near)
        right = (near.scores >= self._minimum) & plausible(near)
        near, shares, places = near[right], shares[right], places[right]
        away, _, which = look_at(frame.luma(), near.boxes, self._near, sides=AWAY)
        same = overlaps(near.boxes, away.boxes)[which, np.arange(len(which))] >= _SAME
        kept = np.zeros(len(near), np.bool_)
        kept[which[same & (away.scores >= _AWAY * self._minimum)]] = True
        filling = near.boxes[:, 2:].max(1, initial=0.0) >= _FILLING * max(frame.width, frame.height)
        same = overlaps(near.boxes, boxes)[np.arange(len(near)), places] >= _SAME
        kept |= filling & same & (places < len(shown)) & (near.scores >= _SURELY * self._minimum)
        return near[kept], shares[kept], places[kept]

    def _closely(self, frame: Frame, faces: Faces, known: NDArray[np.float32], new_shot: bool, far: Detectors) -> Faces:
        longer = max(frame.width, frame.height)
        shares = faces.boxes[:, 2:].max(1, initial=0.0) / longer
        large = shares >= _LARGE
        partner = matches(faces.boxes, known)
        expected = partner >= 0
        seen = faces.scores >= self._minimum
        sure = large & (expected | (seen & _certain(faces, shares)))
        views = [(faces[sure], shares[sure])]

        # Expected faces that the small picture does not show well, where they should be.
        awaited = np.setdiff1d(np.arange(len(known)), partner[expected & large])
        if len(awaited):
            found, share, place = look_at(frame.luma(), known[awaited], self._near, most=_PLACES, turn=self._turn)
            views.append((found, share))
            self._turn += 1
            # What the close pictures do not show at all may be seen from afar.
            missed = np.setdiff1d(awaited, awaited[place])
            afar = np.flatnonzero(expected & ~large & np.isin(partner, missed))
            afar = afar[overlaps(faces.boxes, known)[afar, partner[afar]] >= _SAME]
            views.append((faces[afar], shares[afar]))

        squares = self._schedule.tiles(frame.time_s, (frame.width, frame.height), new_shot)
        doubtful = np.flatnonzero(~expected & ~sure & (faces.scores >= self._minimum))
        places = faces.boxes[doubtful]
        proposed = _NOWHERE
        looks = bool(squares)
        if not looks and not len(places) and len(views) == 1:
            return faces[sure]
        if looks:
            proposed = proposals(frame.luma(), squares, far).boxes
            taken = np.concatenate([known, faces.boxes[sure], places, *(view.boxes for view, _ in views)])
            proposed = proposed[overlaps(proposed, taken).max(1, initial=0.0) < _FRESH]
        found, share, place = self._confirmed(frame, places, proposed)
        views.append((found, share))
        if looks:
            self._schedule.looked(frame.time_s, bool((place >= len(places)).any()))

        together = Faces.concatenate([view for view, _ in views])
        kept = together[distinct(together, np.concatenate([share for _, share in views]))]
        return kept[np.argsort(-kept.scores, kind="stable")]


def _certain(faces: Faces, shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether new faces need no second look: those of a high score, and close-ups."""
    return plausible(faces) & ((faces.scores >= _TRUSTED) | (shares >= _CLOSE_UP))


def _registrable(faces: Faces) -> NDArray[np.bool_]:
    """(N,) whether eyes and mouth lie apart, as registration needs."""
    if not len(faces):
        return np.zeros(0, np.bool_)
    points: NDArray[np.floating[Any]] = faces.keypoints[:, list(ANCHORS)]
    return np.asarray(np.ptp(points, axis=1).max(1) > 2.0, np.bool_)
