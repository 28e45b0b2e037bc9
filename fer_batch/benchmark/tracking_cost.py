"""What it costs to follow faces, beside all the rest of an analysis."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_batch.config import Selection, Settings
from fer_batch.detection.finder import FaceFinder
from fer_batch.faces.embedding import FaceEmbedder
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.face_stage import FaceStage
from fer_batch.pipeline.frame_selection import selected_frames
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Frame
from fer_batch.video.open import open_source
from fer_batch.video.source import SeekPoint, Source


def tracking_share(path: Path, selection: Selection) -> float:
    """Processor time of cuts, tracking with its embeddings, and steadying as a share of the whole analysis's, 0 to 1.

    Once the frames are decoded and searched on this thread, and what neither decoding nor the search takes is counted;
    then the whole analysis runs as always, without outputs, and the processor time of all its threads is counted.

    Args:
        path: a video.
        selection: which of its frames.

    Raises:
        InputError: when it cannot be read.
    """
    settings = Settings()
    with Engine(settings) as engine, open_source(path) as source:
        began = time.process_time()
        with closing(engine.observe(source, selection)) as observations:
            for _ in observations:
                pass
        whole_s = time.process_time() - began
    with open_source(path) as source, _Search(settings) as search:
        read = _Read(source)
        stage = FaceStage(search, settings.minimum_score, FaceEmbedder())
        frames = stage.follow(selected_frames(read, selection, False, None))
        # Letting go of a frame takes time too, which is not the follower's.
        followed_s, more = 0.0, True
        while more:
            began = time.thread_time()
            frame = next(frames, None)
            followed_s += time.thread_time() - began
            more = frame is not None
        return (followed_s - read.seconds - search.seconds) / whole_s


class _Read(Closeable):
    """A source whose decoding is timed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.probe, self.counts = source.name, source.probe, source.counts
        self.seconds = 0.0

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        began = time.thread_time()
        for frame in self._source.frames(start):
            # Decoders hand out pictures that wait for their threads; that is not the follower's time.
            frame.luma()
            self.seconds += time.thread_time() - began
            yield frame
            began = time.thread_time()

    def places(self) -> Sequence[SeekPoint]:
        return self._source.places()

    def close(self) -> None:
        self._source.close()


class _Search(FaceFinder):
    """A search for faces that is timed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.detector, settings.minimum_score)
        self.seconds = 0.0

    def find(
        self,
        frame: Frame,
        expected: NDArray[np.float32] | None = None,
        new_shot: bool = False,
        first_pass: Faces | None = None,
    ) -> Faces:
        began = time.thread_time()
        faces = super().find(frame, expected, new_shot, first_pass)
        self.seconds += time.thread_time() - began
        return faces

    def evidence(self, frame: Frame, box: NDArray[np.float32], score: float) -> float:
        began = time.thread_time()
        evidence = super().evidence(frame, box, score)
        self.seconds += time.thread_time() - began
        return evidence
