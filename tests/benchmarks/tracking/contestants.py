"""What follows faces through a scene: fer-batch itself, and published trackers that are given the same detections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from benchmarks.tracking.composition import Scene
from benchmarks.tracking.footage import SceneSource, Truth, write_scene
from numpy.typing import NDArray

from fer_batch.config import Selection, Settings
from fer_batch.detection.finder import FaceFinder
from fer_batch.pipeline.engine import Engine
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.open import open_source
from fer_batch.video.source import Source


@dataclass(frozen=True, slots=True)
class Followed:
    """Faces of one frame, as somebody reports them."""

    boxes: NDArray[np.floating[Any]]
    """(N, 4) x, y, width, height."""
    tracks: NDArray[np.integer[Any]]
    """(N,)."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of a scene."""

    truth: Truth
    frames: list[Followed]
    """As many as the truth has."""
    tracking_s: float
    """Processor seconds that the tracker alone took."""


class Contestant(Protocol):
    """Follows faces through scenes."""

    name: str

    def follow(self, scene: Scene) -> Run:
        """The faces of every frame of a scene."""
        ...


class FerBatch(Closeable):
    """The pipeline as users run it.

    Args:
        detector: its name.
        encoded: scenes are compressed before.
    """

    name = "fer-batch"

    def __init__(self, detector: str, encoded: bool = False) -> None:
        self._engine = Engine(Settings(detector=detector))
        self._encoded = encoded

    def follow(self, scene: Scene) -> Run:
        """The faces of every frame of a scene."""
        with (
            _opened(scene, self._encoded) as (source, truth),
            closing(self._engine.observe(source, Selection())) as observations,
        ):
            seen = [(one.time_s, one.detected) for _, one in observations if one is not None]
        tracker, unit = Tracker(), scene.size[0]
        began = time.thread_time()
        for time_s, faces in seen:
            tracker.update(time_s, faces, unit=unit)
        elapsed = time.thread_time() - began
        return Run(truth, [Followed(faces.boxes, faces.tracks) for _, faces in seen], elapsed)

    def watch(self, path: Path, end_s: float | None) -> list[tuple[float, Followed]]:
        """The time and the faces of every frame of a recording, up to a time."""
        with (
            open_source(path) as source,
            closing(self._engine.observe(source, Selection(end_s=end_s))) as observations,
        ):
            seen = [one for _, one in observations if one is not None]
        return [(one.time_s, Followed(one.detected.boxes, one.detected.tracks)) for one in seen]

    def close(self) -> None:
        """Releases the models."""
        self._engine.close()


class Detections(Closeable):
    """Detections for trackers that make none, made once for each scene.

    Args:
        detector: its name.
        encoded: scenes are compressed before.
    """

    def __init__(self, detector: str, encoded: bool = False) -> None:
        self._finder = FaceFinder(detector)
        self._encoded = encoded
        self._scene: Scene | None = None
        self._last: tuple[Truth, list[tuple[float, Faces]]] = [], []

    def of(self, scene: Scene) -> tuple[Truth, list[tuple[float, Faces]]]:
        """The truth, and the time and the faces of every frame; kept until another scene is asked for."""
        if self._scene is not scene:
            with _opened(scene, self._encoded) as (source, truth):
                found = [(frame.time_s, self._finder.find_confirmed(frame)) for frame in source.frames()]
            self._scene, self._last = scene, (truth, found)
        return self._last

    def close(self) -> None:
        """Releases the detector."""
        self._finder.close()


class Published:
    """A tracker of the package ``trackers``, with its own settings but for the frame rate.

    Args:
        name: one of ``PUBLISHED``.
        detections: shared with others.
    """

    def __init__(self, name: str, detections: Detections) -> None:
        self.name = name
        self._make = _factory(name)
        self._detections = detections

    def follow(self, scene: Scene) -> Run:
        """The faces of every frame of a scene, without those that it holds back until it is sure of them."""
        import supervision

        truth, found = self._detections.of(scene)
        tracker, frames, elapsed = self._make(scene.fps), [], 0.0
        for time_s, faces in found:
            boxes = faces.boxes.astype(np.float64)
            detections = supervision.Detections(
                xyxy=np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]),
                confidence=faces.scores.astype(np.float64),
                class_id=np.zeros(len(faces), int),
            )
            began = time.thread_time()
            tracked = tracker.update(detections, timestamp=time_s)
            elapsed += time.thread_time() - began
            numbers = np.asarray(tracked.tracker_id, np.int64).reshape(-1)
            sure = numbers >= 0
            corners = np.asarray(tracked.xyxy, np.float64).reshape(-1, 4)[sure]
            frames.append(Followed(np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]), numbers[sure]))
        return Run(truth, frames, elapsed)


PUBLISHED = ("bytetrack", "ocsort", "sort")


@contextmanager
def contestants(names: Iterable[str], detector: str, encoded: bool = False) -> Iterator[list[Contestant]]:
    """Those of the given names, in their order.

    Args:
        names: "fer-batch", or one of ``PUBLISHED``.
        detector: its name.
        encoded: scenes are compressed before.
    """
    with ExitStack() as stack:
        shared: Detections | None = None
        found: list[Contestant] = []
        for name in names:
            if name == FerBatch.name:
                found.append(stack.enter_context(FerBatch(detector, encoded)))
                continue
            if shared is None:
                shared = stack.enter_context(Detections(detector, encoded))
            found.append(Published(name, shared))
        yield found


def _factory(name: str) -> Callable[[float], Any]:
    import trackers

    kinds = {"bytetrack": trackers.ByteTrackTracker, "ocsort": trackers.OCSORTTracker, "sort": trackers.SORTTracker}
    kind = kinds[name]
    return lambda fps: kind(frame_rate=fps)


@contextmanager
def _opened(scene: Scene, encoded: bool) -> Iterator[tuple[Source, Truth]]:
    """The scene as a recording; the truth is complete once the recording is read."""
    if not encoded:
        with SceneSource(scene) as source:
            yield source, source.truth
        return
    with TemporaryDirectory(prefix="fer-batch-scene-") as folder:
        path = Path(folder) / "scene.mp4"
        truth = write_scene(scene, path)
        with open_source(path) as recording:
            yield recording, truth
