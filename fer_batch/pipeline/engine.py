"""Frames in, observations out: detection, tracking, registration and classification, overlapped in threads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import chain
from threading import Event
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.classification.mirror_averaging import MirrorAveraging, Reference
from fer_batch.config import WITHOUT_EFFECT, Device, Selection, Settings
from fer_batch.detection.finder import FaceFinder, FirstLook
from fer_batch.emotions import EMOTIONS
from fer_batch.faces.alignment import register_all
from fer_batch.faces.embedding import FaceEmbedder
from fer_batch.faces.head_pose import head_poses
from fer_batch.faces.sharpness import sharpness_of_faces
from fer_batch.pipeline.checkpoint.resume import rewound
from fer_batch.pipeline.checkpoint.state import pack, seal, unpack, unseal, versions
from fer_batch.pipeline.checkpoint.store import CannotResume, Snapshot, Snapshots
from fer_batch.pipeline.face_stage import FaceStage
from fer_batch.pipeline.frame_selection import ResumeState, SelectedFrame, selected_frames
from fer_batch.tracking.clustering import Persons
from fer_batch.types import Observation
from fer_batch.utils.concurrency import Closeable, Prefetcher, UntilFault, in_groups, ordered_map
from fer_batch.utils.profiling import StageTimer, drawn, timed
from fer_batch.utils.resources import available_cores
from fer_batch.video.frame import Display, Frame
from fer_batch.video.source import Source

T = TypeVar("T")

_WAITING_BYTES = 36 << 20
"""Memory that decoded pictures between two stages may take."""

_GROUPS = 4
"""Groups of frames that may wait between two stages."""

_LONGEST_WAIT_S = 0.3
"""How long a frame waits for others to be classified with it. A face's probabilities are the same in any company."""

_ON_A_CARD = 256
"""Faces that a graphics card classifies at once, at least: with fewer it has little to do."""

_MOST_LOOKERS = 4
"""Threads that look ahead, at most: then the thread that follows faces is what all wait for."""

_NONE: NDArray[np.float32] = np.zeros((0, len(EMOTIONS)), np.float32)


@dataclass(slots=True)
class _Registered:
    frame: Frame | None
    """Kept only for writers that draw."""
    observation: Observation | None
    """None for a frame that is passed on without analysis."""
    crops: NDArray[np.uint8] | None
    """Registered faces, one for each face of the observation; None without any."""

    @property
    def faces(self) -> int:
        return 0 if self.crops is None else len(self.crops)


class Engine(Closeable):
    """The loaded models, used for one recording after another.

    Args:
        settings: which models, and how.
        threads: cores to use, which changes no result; those of the machine unless given.
        timer: gets the processor time of the stages.

    Raises:
        ModelError: when a model is unknown, missing or altered.
        InputError: when the settings make no sense.
    """

    def __init__(self, settings: Settings, threads: int | None = None, timer: StageTimer | None = None) -> None:
        self.settings = settings
        self.timer = timer
        self.threads = available_cores() if threads is None else threads
        self.classifier = EmotionClassifier(settings.model, device=settings.device)
        on_card = self.classifier.device == Device.cuda
        self._batch = max(settings.batch_size, _ON_A_CARD) if on_card else settings.batch_size
        finder = FaceFinder(settings.detector, settings.minimum_score, settings.minimum_face)
        self._faces = FaceStage(finder, settings.minimum_score, FaceEmbedder() if settings.persons else None)
        self._lookers: list[FirstLook] = []

    def warm_up(self) -> None:
        """Uses every network once: the first time takes longer than a live source's frames may wait."""
        blank = av.VideoFrame(640, 360, "yuv420p")
        for plane in blank.planes:
            plane.update(bytes(plane.buffer_size))
        frame = Frame(0, 0.0, blank, Display(blank.width, blank.height))
        self._faces.warm_up(frame)
        size = self.classifier.geometry.size
        self.classifier.classify(np.zeros((1, size, size) if self.classifier.gray else (1, size, size, 3), np.uint8))

    def observe(
        self,
        source: Source,
        selection: Selection,
        every_frame: bool = False,
        stop: Event | None = None,
        persons: Persons | None = None,
        snapshots: Snapshots | None = None,
        resume: Snapshot | None = None,
        *,
        at_once: bool = False,
        first_track: int = 1,
    ) -> Generator[tuple[Frame | None, Observation | None]]:
        """The recording's analysed frames in order.

        Args:
            source: read to its end, or to the selection's.
            selection: which frames are analysed.
            every_frame: also give the decoded frames, those inside the range that are not analysed too (with None
                for the observation); else the frame is None and its memory long released.
            stop: once set, no further frame is begun; those that were come out.
            persons: told what joins tracks to persons, if the settings want that; complete after the last frame.
            snapshots: given what is needed to go on in the midst of the recording, when they ask for it.
            resume: a snapshot of an analysis of the same recording with the same arguments, of whose source nothing has
                been read: its frames, from the snapshot's on, are those that come out, to the last bit.
            at_once: draw a frame only when the one before it has been worked on, and wait for no other one to classify
                its faces with: the least time for each, not for all.
            first_track: number of the first track.

        Raises:
            InputError: when nothing can be decoded.
            CannotResume: before the first frame, when the snapshot is of something else or by another version.
        """
        depth = 1 if at_once else _waiting_frames(source)
        with_state = snapshots is not None or resume is not None
        conditions = self._conditions(source, selection, every_frame, persons) if with_state else {}
        former = None
        if resume is not None:
            former = _former(source, resume, conditions, stop)
            if former is None:
                return
        going_on, state, known = former or (None, None, None)
        frames = selected_frames(source, selection, every_frame, stop, snapshots, going_on)
        most = depth if every_frame or at_once else 4 * self._batch
        with ExitStack() as stages:
            detected: Iterator[tuple[Frame, Observation | None] | Snapshot]
            if at_once:
                stages.callback(frames.close)
                detected = self._detect(self._decode(frames), persons, state, first_track)
            else:
                detected = self._overlapped(stages, frames, depth, persons, state, first_track)
            averaging = MirrorAveraging(self.classifier)
            if known is not None:
                averaging.set_state(known)
            for item in self._classify(self._register(detected, every_frame), most, averaging):
                if not isinstance(item, Snapshot):
                    yield item
                elif snapshots is not None:
                    snapshots.take(Snapshot(item.frame, seal((conditions, item.state))))

    def _overlapped(
        self,
        stages: ExitStack,
        frames: Iterator[SelectedFrame],
        depth: int,
        persons: Persons | None,
        state: tuple[Any, ...] | None,
        first_track: int,
    ) -> Iterator[tuple[Frame, Observation | None] | Snapshot]:
        """Decoding, looking ahead and following in threads, ended with ``stages`` from the last stage to the first, so
        that none waits for one that has ended.
        """
        while len(self._lookers) < min(self.threads - 1, _MOST_LOOKERS):
            self._lookers.append(FirstLook(self.settings.detector, self.settings.minimum_score))
        # A thread hands over several frames at once where memory allows that.
        size = max(1, depth // _GROUPS)
        decoded = Prefetcher(in_groups(self._decode(frames), size), depth // size, "fer-batch decode", self.timer)
        stages.callback(decoded.close)
        prepared: Iterator[list[SelectedFrame]] = decoded
        if self._lookers:
            functions = [_ahead(looker, self.timer) for looker in self._lookers]
            ahead = ordered_map(decoded, functions, depth // size, "fer-batch look", self.timer)
            stages.callback(ahead.close)
            prepared = ahead
        # With one core the thread that follows faces looks by itself.
        groups = in_groups(self._detect(chain.from_iterable(prepared), persons, state, first_track), size)
        detected = Prefetcher(groups, depth // size, "fer-batch follow", self.timer)
        stages.callback(detected.close)
        return chain.from_iterable(detected)

    def _decode(self, frames: Iterator[SelectedFrame]) -> Iterator[SelectedFrame]:
        """The frames, with the small picture that the detector needs where nobody looks ahead, who makes it."""
        for one in drawn(self.timer, "decode", frames):
            if one.analysed and not self._lookers:
                with timed(self.timer, "convert"):
                    self._faces.prepare(one.frame)
            yield one

    def _detect(
        self, frames: Iterator[SelectedFrame], persons: Persons | None, state: tuple[Any, ...] | None, first_track: int
    ) -> Iterator[tuple[Frame, Observation | None] | Snapshot]:
        """Each frame with its faces, followed through time; None for one that is not analysed."""
        intact = UntilFault(frames)
        for item in drawn(self.timer, "track", self._faces.follow(iter(intact), persons, state, first_track)):
            if isinstance(item, Snapshot):
                yield item
            else:
                frame, faces = item
                observation = None
                if faces is not None:
                    observation = Observation(frame.index, frame.time_s, faces, captured_at=frame.captured_at)
                yield frame, observation
        intact.raise_fault()

    def _register(
        self, detected: Iterator[tuple[Frame, Observation | None] | Snapshot], keep: bool
    ) -> Iterator[_Registered | Snapshot]:
        """The faces' crops, poses and sharpness; with them the frame is done with, unless it is drawn."""
        geometry = self.classifier.geometry
        for item in detected:
            if isinstance(item, Snapshot):
                yield item
                continue
            frame, observation = item
            crops = None
            if observation is not None and len(observation):
                with timed(self.timer, "register"):
                    keypoints = observation.detected.keypoints
                    crops = register_all(self._picture(frame), keypoints, geometry)
                    observation.poses = head_poses(keypoints, max(frame.width, frame.height))
                    observation.sharpness = sharpness_of_faces(frame.luma(), keypoints)
            yield _Registered(frame if keep else None, observation, crops)

    def _classify(
        self, registered: Iterator[_Registered | Snapshot], most_frames: int, averaging: MirrorAveraging
    ) -> Iterator[tuple[Frame | None, Observation | None] | Snapshot]:
        """Probabilities for the faces of several frames at once; a snapshot gets what is remembered for later ones."""
        waiting: list[_Registered] = []
        faces, since = 0, time.monotonic()
        intact = UntilFault(registered)
        for item in intact:
            if isinstance(item, Snapshot):
                yield from self._classify_batch(waiting, averaging)
                waiting, faces = [], 0
                yield Snapshot(item.frame, pack((item.state, averaging.get_state())))
                continue
            if not waiting:
                since = time.monotonic()
            waiting.append(item)
            faces += item.faces
            full = faces >= self._batch or len(waiting) >= most_frames
            if full or time.monotonic() - since > _LONGEST_WAIT_S:
                yield from self._classify_batch(waiting, averaging)
                waiting, faces = [], 0
        yield from self._classify_batch(waiting, averaging)
        intact.raise_fault()

    def _classify_batch(
        self, waiting: list[_Registered], averaging: MirrorAveraging
    ) -> Iterator[tuple[Frame | None, Observation | None]]:
        before = averaging.get_state()
        try:
            with timed(self.timer, "classify"):
                probabilities = self._probabilities(waiting, averaging)
        except Exception:
            if len(waiting) == 1:
                raise
            averaging.set_state(before)
            # The frames before the one at fault come out, whatever the size of batches.
            for one in waiting:
                yield from self._classify_batch([one], averaging)
            return
        offset = 0
        for item in waiting:
            if item.observation is not None:
                item.observation.probabilities = probabilities[offset : offset + item.faces]
                offset += item.faces
            yield item.frame, item.observation

    def _probabilities(self, frames: list[_Registered], averaging: MirrorAveraging) -> NDArray[np.float32]:
        parts = [one.crops for one in frames if one.crops is not None]
        if not parts:
            return _NONE
        crops = np.concatenate(parts)
        observations = [one.observation for one in frames if one.observation is not None]
        tracks = [track for one in observations for track in one.detected.tracks.tolist()]
        times_s = [one.time_s for one in observations for _ in range(len(one))]
        batches = [slice(i, i + self._batch) for i in range(0, len(crops), self._batch)]
        return np.concatenate([averaging.classify(crops[batch], tracks[batch], times_s[batch]) for batch in batches])

    def _picture(self, frame: Frame) -> NDArray[np.uint8]:
        """What faces are cut from: the decoder's own luma where that is all the classifier needs."""
        return frame.luma() if self.classifier.gray else frame.rgb()

    def _conditions(
        self, source: Source, selection: Selection, every_frame: bool, persons: Persons | None
    ) -> dict[str, str]:
        """All that a snapshot holds for, by names."""
        parts: dict[str, object] = {
            "version": versions(),
            "settings": {name: one for name, one in self.settings.to_dict().items() if name not in WITHOUT_EFFECT},
            "model": self.classifier.sha256,
            "selection": selection.to_dict(),
            "frames given": every_frame,
            "persons": persons is not None,
            "recording": source.probe.to_dict(),
        }
        return {name: json.dumps(part, sort_keys=True, default=str) for name, part in parts.items()}

    def close(self) -> None:
        """Releases the models."""
        self._faces.close()
        for looker in self._lookers:
            looker.close()


def _former(
    source: Source, snapshot: Snapshot, conditions: dict[str, str], stop: Event | None
) -> tuple[ResumeState, tuple[Any, ...], dict[int, Reference]] | None:
    """Where the recording is read on, and what was remembered of its faces and of their mirror images; None when it was
    stopped before that.
    """
    then, parts = _two(unseal(snapshot.state))
    changed = [name for name in conditions if then.get(name) != conditions[name]]
    if changed:
        raise CannotResume(f"The analysis cannot go on: {', '.join(changed)} changed since it was broken off.")
    tracked, references = _two(unpack(parts))
    reading, faces = _two(unpack(tracked))
    last, before = _two(unpack(reading))
    resumed = rewound(source, last, snapshot.frame, stop)
    if resumed is None:
        return None
    kept, frames = resumed
    waiting = {frame.index: frame for frame in kept}
    return ResumeState(frames, kept[-1], before), unpack(faces, waiting), references


def _two(parts: Any) -> tuple[Any, Any]:
    if not isinstance(parts, tuple) or len(parts) != 2:
        raise CannotResume("The state of the analysis is not one that can be read.")
    return parts


def _ahead(looker: FirstLook, timer: StageTimer | None) -> Callable[[list[SelectedFrame]], list[SelectedFrame]]:
    """Look at frames that are analysed; pass on the others, and those at which looking fails, to fail in their turn."""

    def look(one: SelectedFrame) -> SelectedFrame:
        if not one.analysed:
            return one
        with suppress(Exception):
            with timed(timer, "convert"):
                looker.prepare(one.frame)
            with timed(timer, "detect"):
                return replace(one, first_pass=looker.look(one.frame))
        return one

    return lambda group: [look(one) for one in group]


def _waiting_frames(source: Source) -> int:
    """How many decoded pictures may wait between two stages."""
    try:
        bits = av.VideoFormat(source.probe.pixel_format).padded_bits_per_pixel
    except ValueError:  # a live source may not have said it yet
        bits = 12
    picture_bytes = max(1, source.probe.width * source.probe.height * bits // 8)
    return max(2, min(16, _WAITING_BYTES // picture_bytes))
