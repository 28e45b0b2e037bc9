"""Scenes with what was reported drawn into them, to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from benchmarks.tracking.composition import Scene
from benchmarks.tracking.contestants import Run
from benchmarks.tracking.footage import write_video
from benchmarks.tracking.photographs import Picture
from benchmarks.tracking.scoring import EXPECTED

_COLOURS = (
    (230, 60, 60),
    (60, 120, 255),
    (255, 190, 0),
    (200, 60, 220),
    (0, 200, 200),
    (255, 120, 170),
    (150, 220, 60),
)
"""Of tracks by their numbers, around and around."""
_EXPECTED, _OTHER = (255, 255, 255), (130, 130, 130)


def write_annotated(scene: Scene, run: Run, path: Path) -> None:
    """Writes the scene as MP4 with the true boxes, thin and white (gray where not expected), and the tracks' boxes."""
    write_video(path, _annotated(scene, run), scene.fps)


def _annotated(scene: Scene, run: Run) -> Iterator[Picture]:
    for frame, followed in zip(scene.frames(), run.frames, strict=True):
        picture = frame.rgb
        for face in frame.faces:
            colour = _EXPECTED if face.visible >= EXPECTED else _OTHER
            _box(picture, face.box, colour, 1)
            at = round(face.box[0]), round(face.box[1] + face.box[3]) + 13
            cv2.putText(picture, f"{face.identity} {face.visible:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1)
        for box, track in zip(followed.boxes.tolist(), followed.tracks.tolist(), strict=True):
            colour = _COLOURS[track % len(_COLOURS)]
            _box(picture, box, colour, 2)
            at = round(box[0]), round(box[1]) - 6
            cv2.putText(picture, str(track), at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, 2)
        cv2.putText(picture, f"{frame.time_s:.2f}", (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _EXPECTED, 1)
        yield picture


def _box(picture: Picture, box: tuple[float, ...], colour: tuple[int, int, int], thick: int) -> None:
    x, y, width, height = np.rint(box).astype(int).tolist()
    cv2.rectangle(picture, (x, y), (x + width, y + height), colour, thick)
