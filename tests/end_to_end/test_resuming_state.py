"""An analysis that goes on from a snapshot gives what an undisturbed one does, to the last bit."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import EXAMPLE
from scenes.catalogue import scenes
from scenes.cutouts import Cutout, cast
from scenes.footage import write_scene
from scenes.photographs import example_people

from fer_batch.engine import Engine
from fer_batch.faces.detector import MediaPipeDetector
from fer_batch.faces.kinds import Detector
from fer_batch.faces.persons import Persons
from fer_batch.settings import Settings
from fer_batch.snapshot import Snapshot
from fer_batch.types import Observation
from fer_batch.video.frame import Frame
from fer_batch.video.opening import open_source
from fer_batch.video.selection import Selection


class Kept:
    """Takes a snapshot after a share of the frames, chosen by chance."""

    def __init__(self, share: float, seed: int = 0) -> None:
        self._share, self._random = share, np.random.default_rng(seed)
        self.out = 0
        """Frames that have come out."""
        self.taken: list[tuple[int, Snapshot]] = []
        """With how many frames had come out before each."""

    def due(self) -> bool:
        return bool(self._random.random() < self._share)

    def take(self, snapshot: Snapshot) -> None:
        self.taken.append((self.out, snapshot))


@dataclass
class Analysed:
    """All that came out of an analysis."""

    frames: list[tuple[Any, ...]]
    persons: dict[int, int]
    counts: tuple[Any, ...]


def _values(frame: Frame | None, observation: Observation | None) -> tuple[Any, ...]:
    """Every bit of it."""
    drawn = None if frame is None else (frame.index, frame.time_s, frame.luma()[::7, ::7].tobytes())
    if observation is None:
        return drawn, None
    faces = observation.detected
    arrays = (
        faces.boxes, faces.keypoints, faces.scores, faces.tracks, faces.interpolated,
        observation.probabilities, observation.poses, observation.sharpness,
    )  # fmt: skip
    return drawn, observation.frame, observation.time_s, *((part.shape, part.tobytes()) for part in arrays)


@pytest.fixture(scope="module")
def engines() -> Iterator[list[Engine]]:
    """Two, so that nothing goes from one to the other but a snapshot."""
    with Engine(Settings()) as one, Engine(Settings()) as other:
        yield [one, other]


def analyse(
    engine: Engine,
    path: Path,
    selection: Selection,
    every_frame: bool = False,
    kept: Kept | None = None,
    resume: Snapshot | None = None,
) -> Analysed:
    persons, frames = Persons(), []
    with (
        open_source(path) as source,
        closing(engine.observe(source, selection, every_frame, None, persons, kept, resume)) as observations,
    ):
        for one in observations:
            frames.append(_values(*one))
            if kept is not None:
                kept.out += 1
        return Analysed(frames, persons.numbers(), astuple(source.counts))


def goes_on(
    engines: list[Engine],
    path: Path,
    selection: Selection | None = None,
    every_frame: bool = False,
    share: float = 0.1,
    most: int = 4,
) -> list[Snapshot]:
    """Checks some snapshots of a recording; all are returned."""
    chosen = selection or Selection()
    whole = analyse(engines[0], path, chosen, every_frame)
    kept = Kept(share)
    assert analyse(engines[0], path, chosen, every_frame, kept) == whole, "snapshots change nothing"
    assert kept.taken
    tried = sorted({round(place) for place in np.linspace(0, len(kept.taken) - 1, most)})
    for out, snapshot in (kept.taken[i] for i in tried):
        again = analyse(engines[1], path, chosen, every_frame, None, Snapshot(snapshot.frame, snapshot.state))
        assert again.frames == whole.frames[out:]
        assert again.persons == whole.persons
        assert again.counts == whole.counts
    return [snapshot for _, snapshot in kept.taken]


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with closing(MediaPipeDetector(Detector.short)) as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.mark.parametrize("every_frame", [False, True])
@pytest.mark.parametrize("name", ["passing", "cut-back", "leaving"])
def test_people_who_cross_leave_and_are_cut_to(
    name: str, every_frame: bool, engines: list[Engine], people: list[Cutout], tmp_path: Path
) -> None:
    """With snapshots while frames wait for what a face turns out to be, and while a cut is looked at."""
    (scene,) = scenes(people, [name], [25])
    write_scene(scene, tmp_path / "scene.mp4")
    goes_on(engines, tmp_path / "scene.mp4", every_frame=every_frame, share=0.3, most=5)


@pytest.mark.parametrize(
    ("selection", "every_frame"),
    [
        (Selection(fps=7), False),
        (Selection(fps=5), True),
        (Selection(every=3, start_s=4), True),
        (Selection(every=3, end_s=9), False),
    ],
    ids=str,
)
def test_a_selection_of_frames(selection: Selection, every_frame: bool, engines: list[Engine]) -> None:
    goes_on(engines, EXAMPLE, selection, every_frame, most=3)
