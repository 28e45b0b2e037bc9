"""Measures how steady detected and smoothed faces are: ``PYTHONPATH=tests python -m benchmarks.tracking.steadiness``.

Still faces, in which every movement is the detector's, in noisy compressed video; the example, whose woman moves; and
moving faces, for which smooth boxes must be no farther from the truth than detected ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.tracking.catalogue import SIZE, Stage, scenes
from benchmarks.tracking.composition import Layer, Scene, Shot, TrueFace
from benchmarks.tracking.cutouts import Cutout, cast, overlap
from benchmarks.tracking.footage import Truth, write_scene, write_video
from benchmarks.tracking.motion import still
from benchmarks.tracking.photographs import Photograph, Picture, example_frame, example_people
from helpers.paths import EXAMPLE
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.config import Detector, Settings
from fer_batch.detection.finder import FaceFinder
from fer_batch.detection.yunet import YuNet
from fer_batch.faces.alignment import LEFT_EYE, RIGHT_EYE, register_all
from fer_batch.tracking.fixed_lag import FixedLagTracker
from fer_batch.tracking.smoothing import OneEuroSmoother
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces
from fer_batch.video.frame import Frame
from fer_batch.video.open import open_source
from fer_batch.video.source import Source

RATES = (10.0, 25.0, 60.0)
MOVING = ("passing", "crossing-speeds", "overtaking", "scale", "shaken", "leaving")
_NOISE = 8.0
"""Standard deviation of a camera's noise in a dim room; that of the scenes is wholly taken away by the compression."""
_STILL_S = 4.0
_SERIOUS_S = 8.5
"""When the woman of the example looks serious, with nothing before her face."""
_CLEAR = 0.95
"""Share of a face that must be visible to be compared with the truth."""
_SAME = 0.4
"""Least overlap at which a box is about a face."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A face of one track in one frame."""

    box: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    probabilities: NDArray[np.float32]


@dataclass(slots=True)
class Version:
    """All faces of a recording as detected, or smoothed."""

    tracks: dict[int, list[Seen]]
    overlaps: list[float]
    """With the true boxes of the faces that are clearly visible."""

    def add(self, faces: Faces, probabilities: NDArray[np.float32], truth: Sequence[TrueFace]) -> None:
        """Notes the faces of the next frame."""
        for i, track in enumerate(faces.tracks.tolist()):
            self.tracks.setdefault(track, []).append(Seen(faces.boxes[i], faces.keypoints[i], probabilities[i]))
            best = max(
                (overlap(faces.boxes[i], np.array(one.box)) for one in truth if one.visible >= _CLEAR), default=0
            )
            if best > _SAME:
                self.overlaps.append(best)

    def tremble(self) -> NDArray[np.float64]:
        """Mean change from frame to frame of the box's centre, its width and the eyes in % of the box's width, and of
        the probabilities: half the sum of the seven changes, in points.
        """
        changes = np.array([_change(*pair) for seen in self.tracks.values() for pair in pairwise(seen)])
        return np.asarray(changes.mean(axis=0), np.float64)


class Observer:
    """Sees a recording as detected and smoothed."""

    def __init__(self) -> None:
        self._finder = FaceFinder(Detector.auto)
        self._classifier = EmotionClassifier(Settings().model)

    def versions(self, path: Path, truth: Truth | None = None) -> tuple[Version, Version]:
        """The recording's faces as detected and as smoothed."""
        found = Version({}, []), Version({}, [])
        steadier = OneEuroSmoother()
        with open_source(path) as source:
            for frame, detected in self._followed(source):
                for version, faces in zip(found, (detected, steadier.update(frame.time_s, detected)), strict=True):
                    crops = register_all(frame.luma(), faces.keypoints, self._classifier.geometry)
                    probabilities = self._classifier.classify(crops) if len(crops) else np.zeros((0, 7), np.float32)
                    version.add(faces, probabilities, truth[frame.index] if truth else ())
        return found

    def _followed(self, source: Source) -> Iterator[tuple[Frame, Faces]]:
        tracker = Tracker()
        following = FixedLagTracker[Frame](tracker)
        self._finder.begin()
        for frame in source.frames():
            found = self._finder.find(frame, tracker.expected(frame.time_s, frame.width))
            for item, faces in following.add(frame, frame.time_s, found, frame.width):
                yield item, faces or Faces.none()
        for item, faces in following.finish():
            yield item, faces or Faces.none()

    def close(self) -> None:
        """Releases the detector."""
        self._finder.close()


def still_recording(person: Cutout, fps: float, path: Path, height: float = 170.0, noise: float = _NOISE) -> None:
    """Writes a video of a face that does not move at all.

    Args:
        person: whose.
        fps: frames a second.
        path: of the MP4.
        height: of the face's box in pixels.
        noise: standard deviation of the camera's, in gray levels.
    """
    stage = Stage([person], np.random.default_rng(3))
    # Between whole pixels, where boxes in whole pixels are least sure.
    shot = Shot(stage.backdrop("studio"), (Layer(person, still(SIZE[0] / 2 + 0.3, SIZE[1] / 2 + 0.6, height)),))
    write_video(path, _noisy(replace(stage.scene(_STILL_S, shot), fps=fps), noise), fps)


def main() -> None:
    """Prints the numbers."""
    with closing(YuNet()) as detector:
        people = cast(example_people(), 2, detector.detect)
        # Not smiling: what the emotion networks are not sure of trembles most.
        serious = cast([Photograph("woman", example_frame(_SERIOUS_S))], 1, detector.detect)
    print("change from frame to frame   centre %  width %  eyes %  probabilities (points)   as detected > smoothed")
    with TemporaryDirectory(prefix="fer-batch-steady-") as folder, closing(Observer()) as observer:
        path = Path(folder) / "scene.mp4"
        for fps in RATES:
            trembles = []
            for person in [*people, *serious]:
                still_recording(person, fps, path)
                trembles.append([version.tremble() for version in observer.versions(path)])
            _print(f"still faces @{fps:g}", np.mean(trembles, axis=0))
        _print("the example @24", [version.tremble() for version in observer.versions(EXAMPLE)])
        print("mean overlap of moving faces with the truth")
        for scene in (one for name in MOVING for one in scenes(people, [name], RATES)):
            before, after = observer.versions(path, write_scene(scene, path))
            print(f"{scene.name:<24} {np.mean(before.overlaps):.3f} > {np.mean(after.overlaps):.3f}")


def _print(name: str, rows: Iterable[NDArray[np.float64]]) -> None:
    before, after = rows
    print(f"{name:<24}", *(f"{a:.2f} > {b:.2f}" for a, b in zip(before, after, strict=True)), sep="   ")


def _change(before: Seen, after: Seen) -> tuple[float, float, float, float]:
    width = before.box[2]
    moved = after.box - before.box
    centre = float(np.hypot(*(moved[:2] + moved[2:] / 2)))
    eyes = (after.keypoints - before.keypoints)[[RIGHT_EYE, LEFT_EYE]]
    probabilities = 50 * float(np.abs(after.probabilities - before.probabilities).sum())
    percent = 100 / float(width)
    return (
        percent * centre,
        percent * abs(float(moved[2])),
        percent * float(np.linalg.norm(eyes, axis=1).mean()),
        probabilities,
    )


def _noisy(scene: Scene, deviation: float) -> Iterator[Picture]:
    rng = np.random.default_rng(9)
    for frame in scene.frames():
        yield np.clip(np.rint(frame.rgb + rng.normal(0, deviation, frame.rgb.shape)), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
