"""An analysis that goes on from a snapshot gives what an undisturbed one does, to the last bit."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from benchmarks.tracking.catalogue import scenes
from benchmarks.tracking.cutouts import Cutout, cast
from benchmarks.tracking.footage import write_scene
from benchmarks.tracking.photographs import example_people
from helpers.clips import clip, ffmpeg
from helpers.paths import EXAMPLE

from fer_batch.config import Selection, Settings
from fer_batch.detection.search_schedule import SearchSchedule
from fer_batch.detection.yunet import YuNet
from fer_batch.pipeline.checkpoint.state import pack, seal, unpack, unseal
from fer_batch.pipeline.checkpoint.store import CannotResume, Snapshot
from fer_batch.pipeline.engine import Engine
from fer_batch.tracking.clustering import Persons
from fer_batch.types import Observation
from fer_batch.video.frame import Frame
from fer_batch.video.open import open_source


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


def _parts(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """What is remembered of reading and of faces."""
    _, parts = unseal(snapshot.state)
    followed, _ = unpack(parts)
    reading, faces = unpack(followed)
    return reading, faces


def _waiting(snapshot: Snapshot) -> int:
    """How many frames were read and had not come out."""
    reading, _ = _parts(snapshot)
    last, _ = unpack(reading)
    return int(last.frame) + 1 - snapshot.frame


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
    tried = [kept.taken[round(place)] for place in np.linspace(0, len(kept.taken) - 1, most - 1)]
    # One while most frames wait.
    for out, snapshot in [*tried, max(kept.taken, key=lambda taken: _waiting(taken[1]))]:
        again = analyse(engines[1], path, chosen, every_frame, None, Snapshot(snapshot.frame, snapshot.state))
        assert again.frames == whole.frames[out:]
        assert again.persons == whole.persons
        assert again.counts == whole.counts
    return [snapshot for _, snapshot in kept.taken]


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with closing(YuNet()) as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "every_frame"), [("passing", False), ("cut-back", True)])
def test_people_who_cross_leave_and_are_cut_to(
    name: str, every_frame: bool, engines: list[Engine], people: list[Cutout], tmp_path: Path
) -> None:
    """With snapshots while frames wait for what a face turns out to be, and while a cut is looked at."""
    (scene,) = scenes(people, [name], [25])
    write_scene(scene, tmp_path / "scene.mp4")
    taken = goes_on(engines, tmp_path / "scene.mp4", every_frame=every_frame, share=0.3, most=4)
    assert max(map(_waiting, taken)) >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("selection", "every_frame"),
    [
        (Selection(fps=7), False),
        (Selection(every=3, start_s=4, end_s=9), True),
    ],
    ids=str,
)
def test_a_selection_of_frames(selection: Selection, every_frame: bool, engines: list[Engine]) -> None:
    goes_on(engines, EXAMPLE, selection, every_frame, most=2)


def _schedule(snapshot: Snapshot) -> SearchSchedule:
    """When the whole frame is searched again."""
    _, faces = _parts(snapshot)
    schedule, *_ = unpack(faces, dict.fromkeys(range(99)))[2:]  # type: ignore[arg-type]
    assert isinstance(schedule, SearchSchedule)
    return schedule


def test_searches_are_made_when_they_would_have_been(engines: list[Engine]) -> None:
    kept, later = Kept(1), Kept(1)
    analyse(engines[0], EXAMPLE, Selection(end_s=3), kept=kept)
    _, between = kept.taken[35]
    assert _schedule(between).due_s > 1
    analyse(engines[1], EXAMPLE, Selection(end_s=3), kept=later, resume=between)
    for (_, one), (_, other) in zip(kept.taken[-20:], later.taken[-20:], strict=True):
        assert one.frame == other.frame
        assert pack(_schedule(one)) == pack(_schedule(other))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mkv", "webm", "ts", "avi"])
def test_containers(suffix: str, engines: list[Engine], tmp_path: Path) -> None:
    codec = ("-c:v", "libvpx", "-deadline", "realtime") if suffix == "webm" else ("-c:v", "libx264", "-bf", "2")
    ffmpeg(
        "-t", "3", "-i", EXAMPLE, "-vf", "scale=320:-2", *codec, "-g", "20", "-b:v", "400k", tmp_path / f"a.{suffix}"
    )
    goes_on(engines, tmp_path / f"a.{suffix}", Selection(every=2), most=2)


def test_a_photo(engines: list[Engine]) -> None:
    photo = EXAMPLE.with_name("astronaut.png")
    whole, kept = analyse(engines[0], photo, Selection()), Kept(1)
    assert analyse(engines[0], photo, Selection(), kept=kept) == whole
    for out, snapshot in kept.taken:
        assert analyse(engines[1], photo, Selection(), resume=snapshot).frames == whole.frames[out:]


@pytest.fixture(scope="module")
def snapshot(engines: list[Engine]) -> Snapshot:
    """Of the example's first seconds."""
    kept = Kept(0.2)
    analyse(engines[0], EXAMPLE, Selection(end_s=2), kept=kept)
    return kept.taken[-1][1]


class Command:
    """Runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f'echo > "{self._witness}"',)


def test_a_forged_state_runs_nothing(engines: list[Engine], snapshot: Snapshot, tmp_path: Path) -> None:
    conditions, _ = unseal(snapshot.state)
    reading, _ = _parts(snapshot)
    evil = pickle.dumps(Command(tmp_path / "witness"))
    followed = pack((pack((reading, evil)), {}))
    forged = [evil, _sealed(evil), seal((conditions, evil)), seal((conditions, followed))]
    for state in [*forged, snapshot.state[:-1], b"", seal(7), seal((conditions, pack((pack((pack(1), pack(2))), {}))))]:
        with pytest.raises(CannotResume):
            analyse(engines[0], EXAMPLE, Selection(end_s=2), resume=Snapshot(snapshot.frame, state))
    assert not (tmp_path / "witness").exists()


def _sealed(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest() + data


def test_another_recording_selection_or_settings_are_refused(
    engines: list[Engine], snapshot: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(CannotResume, match="selection"):
        analyse(engines[0], EXAMPLE, Selection(end_s=3), resume=snapshot)
    with pytest.raises(CannotResume, match="frames given"):
        analyse(engines[0], EXAMPLE, Selection(end_s=2), True, resume=snapshot)
    with pytest.raises(CannotResume, match="recording"):
        analyse(engines[0], clip(tmp_path / "other.mp4"), Selection(end_s=2), resume=snapshot)


def test_a_changed_recording_is_noticed(engines: list[Engine], snapshot: Snapshot, tmp_path: Path) -> None:
    """Of the same length in every respect, but other pictures."""
    changed = bytearray(EXAMPLE.read_bytes())
    media = changed.find(b"mdat") + 5_000
    changed[media : media + 60_000] = bytes(60_000)
    (tmp_path / EXAMPLE.name).write_bytes(changed)
    with pytest.raises(CannotResume, match="has changed"):
        analyse(engines[0], tmp_path / EXAMPLE.name, Selection(end_s=2), resume=snapshot)


def test_a_stop_ends_the_way_back_too(engines: list[Engine], snapshot: Snapshot) -> None:
    stop = Event()
    stop.set()
    with open_source(EXAMPLE) as source:
        assert not list(engines[0].observe(source, Selection(end_s=2), False, stop, Persons(), resume=snapshot))
