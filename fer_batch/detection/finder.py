"""Which looks at a frame find its faces: at the small picture always, closer where that pays."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.config import MINIMUM_SCORE, Detector
from fer_batch.detection.base import LOWEST_SCORE, FaceDetector, around, cut_rgb
from fer_batch.detection.confirmation import Confirmation
from fer_batch.detection.keypoint_network import KeypointNetwork
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.detection.search_schedule import SearchSchedule
from fer_batch.detection.yunet import YuNet
from fer_batch.faces.alignment import ANCHORS
from fer_batch.faces.boxes import longer_sides, overlaps, suppress_overlaps
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Frame

_SMALLEST: Final = 24
"""Least height in pixels of a face in YuNet's picture, to be found there: 99 % of gray ones score 0.5 or more."""
_SEARCHED: Final = 32
"""The same in a search: noise and compression hide a fifth of the faces of 24 pixels."""
_ENLARGED: Final = 4 / 3
"""Most by which a picture is enlarged for a search."""
_TILE: Final = 1600
"""Longer side of a picture that is searched at once; larger ones are searched in tiles, which bounds memory."""
_TILE_OVERLAP: Final = 160
_COARSE: Final = 320
"""Longer side of the coarser picture of a search: it shows close faces that are too blurred for a larger one."""
_CROP: Final = 96
"""Side in pixels of the picture of a known face's surroundings, three times as large as the face."""
_SURROUNDINGS: Final = 3.0
_SHORT: Final = 0.9
"""Height of YuNet's boxes around small faces in true heights, at least."""
_SAME: Final = 0.3
"""Overlap of a found and an expected box from which on they are one face."""
_SAME_FACE: Final = 0.4
"""Overlap above which two boxes are one face."""


_SIDES: Final = {Detector.auto: 160, Detector.mediapipe: 640}
"""Longer side in pixels of the small picture. MediaPipe's network sees 128; it is given more because its boxes are
whole pixels."""


class FirstLook(Closeable):
    """What the detector sees in a frame's small picture, whatever was found before; for one thread at a time.

    Args:
        detector: one of :class:`~fer_batch.config.Detector`.
        minimum_score: detections below it are given down to ``LOWEST_SCORE``, where they may carry on a known face.

    Raises:
        ModelError: when the network's file is missing or altered.
    """

    def __init__(self, detector: str, minimum_score: float = MINIMUM_SCORE) -> None:
        least = min(LOWEST_SCORE, minimum_score)
        kind = Detector(detector).canonical
        self.yunet = YuNet(least) if kind == Detector.auto else None
        self._detector: FaceDetector = self.yunet or MediaPipeDetector(least)
        self.side = _SIDES[kind]

    def prepare(self, frame: Frame) -> None:
        """Make the small picture."""
        frame.small(self.side)

    def look(self, frame: Frame) -> Faces:
        """Return the faces in the small picture, best score first, in pixels of the frame, without tracks."""
        return self.look_at(frame, self.side)

    def look_at(self, frame: Frame, side: int) -> Faces:
        """Return the faces in a picture of another longer side, likewise."""
        picture = frame.small(side)
        if side > max(picture.shape[:2]):
            factor = side / max(picture.shape[:2])
            picture = np.asarray(
                cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.uint8
            )
        faces = self._in_tiles(picture) if side > _TILE else self._detector.detect(picture)
        return faces.scaled(frame.width / picture.shape[1], frame.height / picture.shape[0])

    def _in_tiles(self, picture: NDArray[np.uint8]) -> Faces:
        """The faces of a picture that would take too much memory at once."""
        height, width = picture.shape[:2]
        tiles = []
        for top in range(0, max(1, height - _TILE_OVERLAP), _TILE - _TILE_OVERLAP):
            for left in range(0, max(1, width - _TILE_OVERLAP), _TILE - _TILE_OVERLAP):
                tile = self._detector.detect(picture[top : top + _TILE, left : left + _TILE])
                tiles.append(tile.moved(left, top))
        faces = Faces.concatenate(tiles)
        return faces[suppress_overlaps(faces.boxes, np.argsort(-faces.scores, kind="stable"), _SAME_FACE)]

    def close(self) -> None:
        """Release the network."""
        self._detector.close()


class FaceFinder(Closeable):
    """Finds the faces of one frame after another.

    ``auto`` looks by YuNet: at a small picture of each frame; at the surroundings of known faces that are small there
    or missed; and at larger pictures of the frame at the start of a shot, and then ever more rarely while nothing new
    is found, sooner where much moved or a face was lost. ``mediapipe`` looks at the small picture alone.

    Args:
        detector: one of :class:`~fer_batch.config.Detector`.
        minimum_score: detections below it are given only where a face is expected.
        minimum_face: height in pixels of the smallest face that is wanted; smaller new ones are left out. Unless given,
            none is left out, and searches show faces from 24 pixels on in pictures up to 640 pixels wide, from 24 times
            the root of width / 640 in wider ones.

    Raises:
        ModelError: when a network's file is missing or altered.
    """

    def __init__(self, detector: str, minimum_score: float = MINIMUM_SCORE, minimum_face: float | None = None) -> None:
        self._minimum, self._minimum_face = minimum_score, minimum_face
        self._first = FirstLook(detector, minimum_score)
        self._keypoints = None if self._first.yunet is None else KeypointNetwork()
        self._confirmation = Confirmation(self._first.yunet)
        self.begin()

    def begin(self) -> None:
        """Begin a recording: the next frame is its first one."""
        self._schedule = SearchSchedule()

    def get_state(self) -> SearchSchedule:
        """All that is remembered between two frames."""
        return self._schedule

    def set_state(self, state: SearchSchedule) -> None:
        """Continue from a state."""
        self._schedule = state

    def prepare(self, frame: Frame) -> None:
        """Make the small picture of a frame, in whatever thread this is called."""
        self._first.prepare(frame)

    def find(
        self,
        frame: Frame,
        expected: NDArray[np.float32] | None = None,
        new_shot: bool = False,
        first_pass: Faces | None = None,
    ) -> Faces:
        """Return the faces that can be registered, best score first, without tracks; new ones are not confirmed.

        Args:
            frame: not before the last call's.
            expected: (M, 4) boxes in pixels of the frame where known faces should be now. There detections down to
                ``LOWEST_SCORE`` are given too.
            new_shot: whether a cut lies before this frame.
            first_pass: what a :class:`FirstLook` at the frame gave; else it is looked at now.
        """
        expected_boxes = np.zeros((0, 4), np.float32) if expected is None else expected
        faces = self._first.look(frame) if first_pass is None else first_pass
        if self._first.yunet is not None:
            faces = self._closely(frame, faces, expected_boxes, new_shot)
        if not len(faces):
            return faces
        keep = faces.scores >= self._minimum
        if self._minimum_face is not None:
            keep &= faces.boxes[:, 3] >= _SHORT * self._minimum_face
        if len(expected_boxes):
            keep |= overlaps(faces.boxes, expected_boxes).max(1) >= _SAME
        faces = faces[keep]
        if self._keypoints is not None and len(faces):
            faces.keypoints = self._keypoints.place(frame, faces.boxes)
        return faces[_registrable(faces)]

    def evidence(self, frame: Frame, box: NDArray[np.float32], score: float) -> float:
        """Return how clearly second looks show a found face; see :meth:`Confirmation.evidence`."""
        return self._confirmation.evidence(frame, box, score)

    def warm_up(self, frame: Frame) -> None:
        """Use every network once, on any frame."""
        self.begin()
        box = np.array([[0, 0, 32, 32]], np.float32)
        self.find(frame, box)
        if self._keypoints is not None:
            self._keypoints.place(frame, box)
        self._confirmation.warm_up(frame)

    def find_confirmed(self, frame: Frame) -> Faces:
        """Return the confirmed faces of a single picture, best score first."""
        self.begin()
        faces = self.find(frame)
        rows = zip(faces.boxes, faces.scores.tolist(), strict=True)
        return faces[np.array([self.evidence(frame, *row) >= 1 for row in rows], np.bool_)]

    def close(self) -> None:
        """Release the networks."""
        self._first.close()
        self._confirmation.close()

    def _closely(self, frame: Frame, faces: Faces, expected: NDArray[np.float32], new_shot: bool) -> Faces:
        large = longer_sides(faces.boxes) >= _SMALLEST * max(frame.width, frame.height) / self._first.side
        parts = [faces[large]]
        awaited = expected[overlaps(expected, parts[0].boxes).max(1, initial=0.0) < _SAME]
        if len(awaited):
            parts.append(self._surroundings(frame, awaited))
        due = self._schedule.is_due(frame, new_shot, frame.small(self._first.side), expected)
        if due:
            parts += [self._first.look_at(frame, side) for side in self._search_sides(frame)]
        parts.append(faces[~large])
        merged = Faces.concatenate(parts)
        if len(merged) > len(parts[0]):
            # A sure first look at a large face stays, so that its place does not jump where another one is taken too.
            rank = np.repeat(np.arange(len(parts)), [len(look) for look in parts])
            rank = np.select([rank == len(parts) - 1, (rank > 0) | (merged.scores < self._minimum)], [2, 1], 0)
            merged = merged[suppress_overlaps(merged.boxes, np.lexsort((-merged.scores, rank)), _SAME_FACE)]
            merged = merged[np.argsort(-merged.scores, kind="stable")]
        self._schedule.note_missing(int((overlaps(expected, merged.boxes).max(1, initial=0.0) < _SAME).sum()))
        if due:
            new = overlaps(merged.boxes, expected).max(1, initial=0.0) < _SAME
            self._schedule.searched(bool((new & (merged.scores >= self._minimum)).any()))
        return merged

    def _surroundings(self, frame: Frame, boxes: NDArray[np.float32]) -> Faces:
        """The faces in close pictures of known ones, at most one in each."""
        assert self._first.yunet is not None
        pictures, squares = zip(*(cut_rgb(frame, around(box, _SURROUNDINGS), _CROP) for box in boxes), strict=True)
        rows = []
        for seen, square in zip(self._first.yunet.detect_batch(np.stack(pictures)), squares, strict=True):
            # Others are seen better in their own surroundings than at the border of these.
            away = np.abs(seen.boxes[:, :2] + seen.boxes[:, 2:] / 2 - _CROP / 2).max(1, initial=0.0)
            rows.append(square.placed(seen[np.argsort(away, kind="stable")[:1]], _CROP))
        return Faces.concatenate(rows)

    def _search_sides(self, frame: Frame) -> list[int]:
        """Longer sides of the pictures of a search."""
        longer = max(frame.width, frame.height)
        smallest = self._minimum_face or _SMALLEST * max(1.0, sqrt(longer / 640))
        finest = 32 * ceil(longer * min(_SEARCHED / smallest, _ENLARGED) / 32)
        return [side for side in (_COARSE, finest) if self._first.side < side <= finest]


def _registrable(faces: Faces) -> NDArray[np.bool_]:
    """(N,) whether eyes and mouth lie apart, as registration needs."""
    spread: NDArray[Any] = np.ptp(faces.keypoints[:, list(ANCHORS)], axis=1)
    return np.asarray(spread.max(1) > 2.0, np.bool_)
