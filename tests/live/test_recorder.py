"""What a live recording leaves on the disk, from observations of real clips."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.paths import EXAMPLE

import fer_batch
from fer_batch.batch.plan import plan
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError, InputError, OutputError
from fer_batch.inputs.discovery import find_recordings
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, Interrupted
from fer_batch.live.options import PartOptions
from fer_batch.live.recorder import LiveRecorder, RecordedSource
from fer_batch.pipeline.engine import Engine
from fer_batch.results.schema import Provenance
from fer_batch.types import Faces, Observation
from fer_batch.video.video_reader import VideoFile

NAME = EXAMPLE.name


def recording(out: Path, **options: object) -> LiveRecorder:
    outputs = Outputs(out, "both", bool(options.pop("video", False)))
    provenance = Provenance({}, "model", "0" * 64)
    recorded, parts = RecordedSource(NAME, "the example"), PartOptions(**options)  # type: ignore[arg-type]
    return LiveRecorder(outputs, recorded, provenance, Counts(), parts)


@pytest.fixture(scope="module")
def seen() -> list[FrameAnalyzed]:
    """The first four seconds of the example, with pictures."""
    began = datetime.now(UTC)
    with VideoFile(EXAMPLE) as source, Engine(Settings(persons=False)) as engine:
        found = []
        for frame, observation in engine.observe(source, Selection(end_s=4), every_frame=True):
            assert observation is not None
            observation.captured_at = began + timedelta(seconds=observation.time_s)
            found.append(FrameAnalyzed(observation, 0.01, frame))
        return found


def connected() -> Connected:
    with VideoFile(EXAMPLE) as source:
        return Connected(datetime.now(UTC), 0.0, source.probe)


@pytest.mark.slow
def test_parts_together_are_what_was_seen(tmp_path: Path, seen: list[FrameAnalyzed]) -> None:
    with recording(tmp_path, part_rows=30, video=True) as one:
        one.take(connected())
        for number, each in enumerate(seen):
            one.take(each)
            if number == 70:
                # Readers may come at any time.
                assert len(pd.read_parquet(tmp_path / "timelines")) == len(fer_batch.load(tmp_path)) == 60
                assert fer_batch.recordings(tmp_path)["status"].tolist() == ["partial"]
    rows = fer_batch.load(tmp_path)
    assert rows["frame"].tolist() == [each.observation.frame for each in seen if each.observation is not None]
    parts = sorted((tmp_path / "timelines" / f"recording={NAME}").iterdir())
    assert len(parts) == -(-len(seen) // 30)
    read = fer_batch.tracks(tmp_path)
    assert read["frames"].tolist() == [len(seen)]
    assert len(fer_batch.episodes(tmp_path)) == 1
    assert len(pd.concat(map(pd.read_csv, (tmp_path / "csv" / NAME).iterdir()))) == len(seen)
    segments = sorted((tmp_path / "annotated" / NAME).glob("*.mp4"))
    frames, starts = 0, []
    for segment in segments:
        with VideoFile(segment) as video:
            times = [frame.time_s for frame in video.frames()]
        about = json.loads(segment.with_suffix(".json").read_text())
        assert about["start_s"] + times[-1] == pytest.approx(about["last_s"], abs=0.002)
        frames += len(times)
        starts.append(about["start_s"])
    assert frames == len(seen)
    assert starts == sorted(starts)
    assert fer_batch.recordings(tmp_path)["status"].tolist() == ["done"]
    shutil.copy(EXAMPLE, tmp_path.parent / "a.mp4")
    found = [each.path for each in find_recordings([tmp_path.parent])]
    assert not [path for path in found if path.is_relative_to(tmp_path)], "our own results are no recordings"


@pytest.mark.parametrize("damage", ["{", '{"live": {"next_track": 1}}'])
def test_a_damaged_document_gives_no_number_again_and_costs_no_part(
    tmp_path: Path, seen: list[FrameAnalyzed], damage: str
) -> None:
    with recording(tmp_path, part_rows=30) as one:
        one.take(connected())
        for each in seen:
            one.take(each)
    before = set(tmp_path.rglob("part-*"))
    (tmp_path / "recordings" / f"{NAME}.json").write_text(damage)

    with recording(tmp_path) as again:
        begins = again.beginning

    last = seen[-1].observation
    assert last is not None
    assert begins.frame > last.frame
    assert begins.time_s >= last.time_s
    assert begins.track > last.detected.tracks.max()
    assert before <= set(tmp_path.rglob("part-*"))


def test_old_parts_go_and_their_numbers_do_not_come_back(tmp_path: Path, seen: list[FrameAnalyzed]) -> None:
    with recording(tmp_path, part_rows=20, max_age_s=3600) as one:
        for each in seen[:50]:
            one.take(each)
        old = time.time() - 7200
        for path in tmp_path.rglob("part-*"):
            os.utime(path, (old, old))
    left = sorted(path.name for path in (tmp_path / "timelines").rglob("part-*"))
    assert left == ["part-00000002.parquet"]
    (tmp_path / "timelines" / f"recording={NAME}" / left[0]).unlink()
    with recording(tmp_path, part_rows=20) as one:
        one.take(seen[60])
    assert [path.name for path in (tmp_path / "timelines").rglob("part-*")] > left


@pytest.mark.slow
def test_two_at_a_time_are_refused_and_files_are_not_mixed_in(tmp_path: Path, seen: list[FrameAnalyzed]) -> None:
    with recording(tmp_path) as one:
        one.take(seen[0])
        with pytest.raises(OutputError, match="another run is writing"):
            recording(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="holds a live recording of this name"):
            plan([EXAMPLE], Outputs(tmp_path), Settings(), Selection(), overwrite)
    other = tmp_path / "other"
    fer_batch.analyze(EXAMPLE, output=other, fps=1, end=2)
    with pytest.raises(InputError, match="holds results of a file"):
        recording(other)


def test_the_last_gaps_are_known_and_all_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_batch.live.recorder._MOST_GAPS", 10)
    with recording(tmp_path) as one:
        for number in range(12):
            one.take(Interrupted(datetime.now(UTC), float(number), FerBatchError("away"), 1.0))
            one.take(connected())
    live = json.loads((tmp_path / "recordings" / f"{NAME}.json").read_text())["live"]
    assert live["gap_count"] == 12
    assert len(live["gaps"]) == 10


def faces(tracks: list[int], frame: int) -> Observation:
    count = len(tracks)
    found = Faces(
        np.ones((count, 4), np.float32),
        np.zeros((count, 6, 2), np.float32),
        np.ones(count, np.float32),
        np.array(tracks, np.int32),
    )
    return Observation(frame, frame * 30.0, found, np.full((count, 7), 1 / 7, np.float32), datetime.now(UTC))


def _many(tracks: int) -> Iterator[FrameAnalyzed]:
    for number in range(tracks // 10):
        yield FrameAnalyzed(faces(list(range(10 * number + 1, 10 * number + 11)), number), 0.01)


def test_what_is_remembered_does_not_grow_with_the_tracks(tmp_path: Path) -> None:
    with recording(tmp_path, part_rows=100) as one:
        remembered = []
        for each in _many(2000):
            one.take(each)
            remembered.append(len(one._tracks) + len(one._episodes))
    assert max(remembered) < 200
    tracks = fer_batch.tracks(tmp_path)
    assert tracks["track"].tolist() == list(range(1, 2001))
    assert (tracks["frames"] == 1).all()
    assert np.allclose(tracks["happy"], 1 / 7)
