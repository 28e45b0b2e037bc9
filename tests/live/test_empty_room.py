"""What a live recording leaves on the disk, and when, while nobody is seen."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fer_batch
from fer_batch.config import Outputs
from fer_batch.emotions import EMOTIONS
from fer_batch.live.events import Counts, FrameAnalyzed
from fer_batch.live.notifications import Notifier
from fer_batch.live.options import PartOptions
from fer_batch.live.recorder import LiveRecorder, RecordedSource
from fer_batch.results.schema import Provenance
from fer_batch.types import Faces, Observation

pytestmark = pytest.mark.network

NAME = "door"


def frames(first: int, last: int, *, face: bool) -> Iterator[FrameAnalyzed]:
    """At 25 a second, with one happy face or none."""
    count = int(face)
    for index in range(first, last):
        boxes = np.full((count, 4), 50, np.float32)
        found = Faces(boxes, np.zeros((count, 6, 2), np.float32), np.ones(count, np.float32), np.ones(count, np.int32))
        probabilities = np.zeros((count, len(EMOTIONS)), np.float32)
        probabilities[:, EMOTIONS.index("happy")] = 1
        yield FrameAnalyzed(Observation(index, index / 25, found, probabilities), 0.0)


def recording(out: Path, **options: float) -> LiveRecorder:
    outputs, provenance = Outputs(out, "parquet", False), Provenance({}, "model", "0" * 64)
    recorded, parts = RecordedSource(NAME, "rtsp://cam/1"), PartOptions(**options)  # type: ignore[arg-type]
    return LiveRecorder(outputs, recorded, provenance, Counts(), parts)


def test_an_episode_is_told_and_written_though_nobody_comes_after(tmp_path: Path) -> None:
    reports = Notifier(NAME, "episode")
    with recording(tmp_path, part_s=0.1) as one:
        for seen in frames(0, 250, face=True):
            one.take(seen)
            assert not list(reports.take(seen)), "it is not over"
        told = []
        for seen in frames(250, 2500, face=False):
            one.take(seen)
            told += list(reports.take(seen))
        time.sleep(0.15)
        one.tick()
        (event,) = told
        assert (event["event"], event["emotion"], event["frames"]) == ("episode", "happy", 250)
        assert event["end_s"] == pytest.approx(10, abs=0.1)
        assert len(fer_batch.episodes(tmp_path)) == 1
        assert fer_batch.tracks(tmp_path)["frames"].tolist() == [250]


def test_what_is_too_old_goes_though_nobody_comes_after(tmp_path: Path) -> None:
    with recording(tmp_path, max_age_s=3600) as one:
        for seen in frames(0, 50, face=True):
            one.take(seen)
    parts = sorted(tmp_path.rglob("*.parquet"))
    assert parts
    for part in parts[1:]:
        os.utime(part, (0, time.time() - 3700))
    with recording(tmp_path, max_age_s=3600) as one:
        one.tick()
        assert sorted(tmp_path.rglob("*.parquet")) == parts[:1]


def test_csv_and_timeline_agree_after_a_kill_between_the_two(tmp_path: Path) -> None:
    def both() -> LiveRecorder:
        outputs, provenance = Outputs(tmp_path, "both", False), Provenance({}, "model", "0" * 64)
        return LiveRecorder(outputs, RecordedSource(NAME, "rtsp://cam/1"), provenance, Counts())

    with both() as one:
        for seen in frames(0, 50, face=True):
            one.take(seen)
    (part,) = (tmp_path / "csv" / NAME).iterdir()
    # What a kill leaves that comes when the CSV is in its place and the Parquet is not.
    part.with_name("part-00000007.csv").write_bytes(part.read_bytes())
    with both():
        assert list(part.parent.iterdir()) == [part]
