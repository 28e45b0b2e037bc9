"""Frames in, frames with tracked and steadied faces out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.finder import FaceFinder
from fer_batch.faces.embedding import GEOMETRY, FaceEmbedder
from fer_batch.pipeline.checkpoint.state import pack
from fer_batch.pipeline.checkpoint.store import Snapshot
from fer_batch.pipeline.frame_selection import SelectedFrame
from fer_batch.tracking.clustering import Persons
from fer_batch.tracking.fixed_lag import FixedLagTracker
from fer_batch.tracking.smoothing import OneEuroSmoother
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Frame


class FaceStage(Closeable):
    """Finds the faces of one recording after another and follows them.

    Args:
        finder: finds them; closed with this.
        minimum_score: detections with less begin no track.
        embedder: tells people apart; without it nobody is known again by more than place and short memory.
    """

    def __init__(self, finder: FaceFinder, minimum_score: float, embedder: FaceEmbedder | None = None) -> None:
        self._minimum_score = minimum_score
        self._finder = finder
        self._embedder = embedder

    def prepare(self, frame: Frame) -> None:
        """Makes the picture that faces are looked for in, in whatever thread this is called."""
        self._finder.prepare(frame)

    def warm_up(self, frame: Frame) -> None:
        """Uses every network once, on any frame."""
        self._finder.warm_up(frame)
        if self._embedder is not None:
            self._embedder.embed_crops(np.zeros((1, GEOMETRY.size, GEOMETRY.size), np.uint8))

    def follow(
        self,
        frames: Iterator[SelectedFrame],
        persons: Persons | None = None,
        state: tuple[Any, ...] | None = None,
        first_track: int = 1,
    ) -> Iterator[tuple[Frame, Faces | None] | Snapshot]:
        """A recording's frames with their faces, ordered by track; None for one that is not analysed.

        Between two of them a snapshot, where one was begun: of what reading remembers and of what is remembered here,
        both packed.

        Args:
            frames: in order, from the first or from where ``state`` was taken.
            persons: told which tracks are seen together, and what they look like.
            state: what was remembered here, with the frames that waited.
            first_track: number of the first track.
        """
        on_embedding = None if persons is None else persons.add
        tracker = Tracker(self._minimum_score, on_embedding=on_embedding, first=first_track)
        steadier = OneEuroSmoother()
        fixed_lag, shot = FixedLagTracker[Frame](tracker), 0
        self._finder.begin()
        if state is not None:
            followed, steadied, located, shot, groups = state
            fixed_lag.set_state(followed)
            steadier.set_state(steadied)
            self._finder.set_state(located)
            if persons is not None:
                persons.set_state(groups)
        for one in frames:
            frame, time_s = one.frame, one.frame.time_s
            if not one.analysed:
                yield from _finished(fixed_lag.pass_on(frame, time_s), steadier, persons)
            else:
                new_shot, shot = one.shot != shot, one.shot
                if new_shot:
                    yield from _finished(fixed_lag.finish(), steadier, persons)
                expected = tracker.expected(time_s, frame.width)
                detections = self._finder.find(frame, expected, new_shot, one.first_pass)
                view = _View(frame, self._finder, self._embedder)
                yield from _finished(fixed_lag.add(frame, time_s, detections, frame.width, view), steadier, persons)
                frame.forget_small()
            if one.reading is not None:
                groups = None if persons is None else persons.get_state()
                own = pack((fixed_lag.get_state(), steadier.get_state(), self._finder.get_state(), shot, groups))
                first = frame.index + 1 if fixed_lag.waiting is None else fixed_lag.waiting.index
                yield Snapshot(first, pack((one.reading, own)))
        yield from _finished(fixed_lag.finish(), steadier, persons)

    def close(self) -> None:
        """Releases the models."""
        self._finder.close()


class _View:
    """A frame as the tracker looks at it."""

    def __init__(self, frame: Frame, finder: FaceFinder, embedder: FaceEmbedder | None) -> None:
        self._frame = frame
        self._finder = finder
        self._embedder = embedder

    def luma(self) -> NDArray[np.uint8]:
        return self._frame.luma()

    def evidence(self, box: NDArray[np.float32], score: float) -> float:
        return self._finder.evidence(self._frame, box, score)

    def embedding(self, keypoints: NDArray[np.float32]) -> NDArray[np.float32] | None:
        return None if self._embedder is None else self._embedder.embed(self._frame.luma(), keypoints)


def _finished(
    frames: Iterator[tuple[Frame, Faces | None]], steadier: OneEuroSmoother, persons: Persons | None
) -> Iterator[tuple[Frame, Faces | None]]:
    for frame, faces in frames:
        if faces is None:
            yield frame, None
            continue
        if persons is not None:
            persons.see(faces.tracks)
        yield frame, steadier.update(frame.time_s, faces)
