"""Recording documents, and clearing what an earlier run left."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.timeline_samples import PROVENANCE, conversation, files, write_parquet

from fer_batch.errors import InputError, OutputError
from fer_batch.filesystem.atomic import PendingFile, whole
from fer_batch.results.episode_writer import EpisodeWriter
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.results.track_table import TrackSummary

MOMENT = datetime(2025, 3, 1, 12, 0, 0, 5, UTC)


def fill(out: Path, recording: str, *, photo: bool = False) -> None:
    layout = Layout(out)
    write_parquet(out, recording, conversation(3))
    TrackSummary().save(layout.tracks(recording), PROVENANCE)
    with EpisodeWriter(layout.episodes(recording), PROVENANCE):
        pass
    for path in (layout.csv(recording), layout.annotated(recording, photo=photo), layout.record(recording)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = Layout(tmp_path).record("day 1/a.mp4")
    record = RecordingRecord(
        "day 1/a.mp4", "in/day 1/a.mp4", "failed", MOMENT, MOMENT, error="Ärger: no video.", counts={"rows": 3}
    )
    record.write(path)
    assert RecordingRecord.read(path) == record
    assert {"python", "fer_batch", "mediapipe", "onnxruntime", "av", "opencv", "pyarrow"} == record.versions.keys()
    assert record.versions["pyarrow"]


def test_whatever_a_probe_finds_can_be_written_as_json(tmp_path: Path) -> None:
    probe = {
        "fps": Fraction(30000, 1001),
        "path": Path("a"),
        "n": np.int64(3),
        "x": np.float32(0.5),
        "bad": float("nan"),
    }
    path = tmp_path / "a.json"
    RecordingRecord("a", "a", "done", MOMENT, MOMENT, probe=probe).write(path)
    values = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert values["probe"] == {"fps": "30000/1001", "path": "a", "n": 3, "x": 0.5, "bad": None}


def test_documents_of_later_versions_are_read_and_damaged_ones_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    record = RecordingRecord("a", "a", "done", MOMENT, MOMENT)
    record.write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "new"}))
    assert RecordingRecord.read(path) == record
    for text in ("", "{}", "[]", '{"id": "a"'):
        path.write_text(text)
        with pytest.raises(InputError, match="analyze the recording again"):
            RecordingRecord.read(path)


def test_removing_a_recording_takes_every_kind_and_what_killed_runs_left(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    fill(tmp_path, "day 1/a.mov")
    for path in (
        layout.timeline("day 1/a.mov"),
        layout.episodes("day 1/a.mov"),
        layout.csv("day 1/a.mov"),
        layout.annotated("day 1/a.mov"),
    ):
        PendingFile(path).temporary.touch()
    layout.timeline("day 1/a.mov").with_name("part-00001.parquet").touch()
    layout.remove("day 1/a.mov")
    assert files(tmp_path) == []
    assert not list(tmp_path.glob("*/recording=*"))
    layout.remove("day 1/a.mov")


def test_removing_a_recording_spares_all_others(tmp_path: Path) -> None:
    neighbours = ["a.mp4", "a.mov.mp4", "day/a.mov", "a.mov2", "b.mov"]
    for recording in neighbours:
        fill(tmp_path, recording)
        PendingFile(Layout(tmp_path).csv(recording)).temporary.touch()
    before = files(tmp_path)
    fill(tmp_path, "a.jpg", photo=True)
    Layout(tmp_path).remove("a.jpg", photo=True)
    assert files(tmp_path) == before


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.mp4"
    with whole(path) as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_text("first")
        assert not path.exists()

    def fail_halfway() -> None:
        with whole(path) as temporary:
            temporary.write_text("sec")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "first"
    assert files(tmp_path) == ["new folder/a.mp4"]


def test_a_file_in_the_way_is_explained(tmp_path: Path) -> None:
    (tmp_path / "csv").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        PendingFile(Layout(tmp_path).csv("a.mp4"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="a folder stands"), whole(tmp_path / "folder.csv") as temporary:
        temporary.touch()
    assert files(tmp_path) == ["csv"]
