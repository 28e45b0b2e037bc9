"""Frames in, observations out: detection, tracking, registration and classification, overlapped in threads."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from fer_batch.closing import Closing
from fer_batch.emotion.classifier import EmotionClassifier
from fer_batch.emotion.labels import EMOTIONS
from fer_batch.faces.alignment import register_all
from fer_batch.faces.appearance import FaceEmbedder
from fer_batch.faces.locator import FaceLocator
from fer_batch.faces.persons import Persons
from fer_batch.faces.pose import head_poses
from fer_batch.faces.sharpness import sharpness_of_faces
from fer_batch.faces.stage import FaceStage
from fer_batch.prefetch import Prefetched
from fer_batch.settings import Settings
from fer_batch.snapshot import Snapshot, Snapshots
from fer_batch.types import Observation
from fer_batch.video.choosing import Chosen, chosen
from fer_batch.video.frame import Frame
from fer_batch.video.selection import Selection
from fer_batch.video.source import Source

_WAITING_BYTES = 48 << 20
"""Memory that decoded pictures between two stages may take."""

_LONGEST_WAIT_S = 0.3
"""How long a frame waits for others to be classified with it. A face's probabilities are the same in any company."""

_NONE: NDArray[np.float32] = np.zeros((0, len(EMOTIONS)), np.float32)


@dataclass(slots=True)
class _Registered:
    frame: Frame | None
    """Kept only for sinks that draw."""
    observation: Observation | None
    """None for a frame that is passed on without analysis."""
    crops: NDArray[np.uint8] | None
    """Registered faces, one for each face of the observation; None without any."""

    @property
    def faces(self) -> int:
        return 0 if self.crops is None else len(self.crops)


class Engine(Closing):
    """The loaded models, used for one recording after another.

    Args:
        settings: which models, and how.

    Raises:
        ModelError: when a model is unknown, missing or altered.
        InputError: when the settings make no sense.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.classifier = EmotionClassifier(settings.model)
        locator = FaceLocator(settings.detector, settings.minimum_score)
        self._faces = FaceStage(locator, settings.minimum_score, FaceEmbedder() if settings.persons else None)

    def observe(
        self,
        source: Source,
        selection: Selection,
        every_frame: bool = False,
        stop: Event | None = None,
        persons: Persons | None = None,
        snapshots: Snapshots | None = None,
        resume: Snapshot | None = None,
    ) -> Generator[tuple[Frame | None, Observation | None]]:
        """The recording's analysed frames in order.

        Args:
            source: read to its end, or to the selection's.
            selection: which frames are analysed.
            every_frame: also give the decoded frames, those inside the range that are not analysed too (with None
                for the observation); else the frame is None and its memory long released.
            stop: once set, no further frame is begun; those that were come out.
            persons: told what joins tracks to persons, if the settings want that; complete after the last frame.
            snapshots: asked when one is due, and given it.
            resume: the first frame that comes out is that one's or the next chosen.

        Raises:
            InputError: when nothing can be decoded.
        """
        depth = _waiting_frames(source)
        frames = chosen(source, selection, every_frame, stop)
        decoded = Prefetched(self._decode(frames), depth, "fer-batch decode")
        detected = Prefetched(self._detect(decoded, persons), depth, "fer-batch detect")
        registered = self._register(detected, every_frame)
        try:
            most = depth if every_frame else 4 * self.settings.batch_size
            for frame, observation in self._classify(registered, most):
                index = observation.frame if observation is not None else frame.index if frame is not None else 0
                if resume is not None and index < resume.frame:
                    continue
                if snapshots is not None and snapshots.due():
                    snapshots.take(Snapshot(index, b""))
                yield frame, observation
        finally:
            # From the last stage to the first, so that no stage waits for one that has ended.
            detected.close()
            decoded.close()

    def _decode(self, frames: Iterator[Chosen]) -> Iterator[Chosen]:
        """The frames with the small picture that the detector needs: this thread has time for it."""
        for one in frames:
            if one.analysed:
                self._faces.prepare(one.frame)
            yield one

    def _detect(self, frames: Iterator[Chosen], persons: Persons | None) -> Iterator[tuple[Frame, Observation | None]]:
        """Each frame with its faces, followed through time; None for one that is not analysed."""
        for frame, faces in self._faces.follow(frames, persons):
            yield frame, None if faces is None else Observation(frame.index, frame.time_s, faces)

    def _register(self, detected: Iterator[tuple[Frame, Observation | None]], keep: bool) -> Iterator[_Registered]:
        """The faces' crops, poses and sharpness; with them the frame is done with, unless it is drawn."""
        geometry = self.classifier.geometry
        for frame, observation in detected:
            crops = None
            if observation is not None and len(observation):
                keypoints = observation.detected.keypoints
                crops = register_all(self._picture(frame), keypoints, geometry)
                observation.poses = head_poses(keypoints, max(frame.width, frame.height))
                observation.sharpness = sharpness_of_faces(frame.luma(), keypoints)
            yield _Registered(frame if keep else None, observation, crops)

    def _classify(
        self, registered: Iterator[_Registered], most_frames: int
    ) -> Iterator[tuple[Frame | None, Observation | None]]:
        """Probabilities for the faces of several frames at once."""
        waiting: list[_Registered] = []
        faces, since = 0, time.monotonic()
        for item in registered:
            if not waiting:
                since = time.monotonic()
            waiting.append(item)
            faces += item.faces
            full = faces >= self.settings.batch_size or len(waiting) >= most_frames
            if full or time.monotonic() - since > _LONGEST_WAIT_S:
                yield from self._classify_batch(waiting)
                waiting, faces = [], 0
        yield from self._classify_batch(waiting)

    def _classify_batch(self, waiting: list[_Registered]) -> Iterator[tuple[Frame | None, Observation | None]]:
        found = [item.crops for item in waiting if item.crops is not None]
        probabilities = self._probabilities(np.concatenate(found)) if found else _NONE
        offset = 0
        for item in waiting:
            if item.observation is not None:
                item.observation.probabilities = probabilities[offset : offset + item.faces]
                offset += item.faces
            yield item.frame, item.observation

    def _probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = self.settings.batch_size
        return np.concatenate([self.classifier.classify(crops[i : i + size]) for i in range(0, len(crops), size)])

    def _picture(self, frame: Frame) -> NDArray[np.uint8]:
        """What faces are cut from: the decoder's own luma where that is all the classifier needs."""
        return frame.luma() if self.classifier.gray else frame.rgb()

    def close(self) -> None:
        """Releases the models."""
        self._faces.close()


def _waiting_frames(source: Source) -> int:
    """How many decoded pictures may wait between two stages."""
    picture_bytes = max(1, source.probe.width * source.probe.height * 3 // 2)
    return max(2, min(16, _WAITING_BYTES // picture_bytes))
