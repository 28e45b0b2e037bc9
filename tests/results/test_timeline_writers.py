"""Timelines through the readers that users have: the values, types and promises of the documented columns."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from helpers.timeline_samples import PROVENANCE, conversation, files, observation, sink, write_parquet

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import OutputError
from fer_batch.results.reader import load
from fer_batch.types import Observation

DOCUMENTED = {
    "frame": "int64",
    "time_s": "double",
    "captured_at": "timestamp[us, tz=UTC]",
    "track": "int32",
    **dict.fromkeys(["x", "y", "width", "height", "score"], "float"),
    **dict.fromkeys(["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"], "float"),
    "emotion": "dictionary<values=string, indices=int8, ordered=0>",
    "confidence": "float",
    "interpolated": "bool",
    **dict.fromkeys(["yaw", "pitch", "roll", "sharpness"], "float"),
}
CSV_TYPES = {name: np.float32 for name, kind in DOCUMENTED.items() if kind == "float"} | {"track": np.int32}


def read_csv(path: Path) -> pd.DataFrame:
    # From version 3 on this is the default, and naming it is deprecated.
    exact = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}
    return pd.read_csv(path, dtype=CSV_TYPES, parse_dates=["captured_at"], **exact)


def test_a_part_has_exactly_the_documented_columns(tmp_path: Path) -> None:
    schema = pq.read_schema(write_parquet(tmp_path, "clip.mp4", conversation(10)))
    # Arrow of some versions reads every dictionary back with int32 indices, whatever was written.
    types = {field.name: str(field.type).replace("indices=int32", "indices=int8") for field in schema}
    assert types == DOCUMENTED
    assert schema.names == list(DOCUMENTED)


def test_a_part_says_what_made_it(tmp_path: Path) -> None:
    metadata = pq.read_metadata(write_parquet(tmp_path, "clip.mp4", conversation(10))).metadata
    assert metadata[b"fer_batch.model"] == b"gray48"
    assert metadata[b"fer_batch.model_sha256"] == b"ab" * 32
    assert json.loads(metadata[b"fer_batch.settings"]) == PROVENANCE.settings
    assert {b"fer_batch.schema_version", b"fer_batch.version"} <= metadata.keys()


@pytest.mark.parametrize("live", [False, True])
def test_parquet_csv_and_load_agree_bit_for_bit(tmp_path: Path, live: bool) -> None:
    for kind in ("parquet", "csv"):
        with sink(kind, tmp_path) as writer:
            for each in conversation(500, live=live):
                writer.write(each)
    loaded = load(tmp_path)
    whole_study = pd.read_parquet(tmp_path / "timelines").astype({"recording": str})[loaded.columns]
    pd.testing.assert_frame_equal(loaded, whole_study, check_exact=True)
    text = read_csv(tmp_path / "csv" / "clip.mp4.csv")
    assert list(text) == list(loaded)
    expected = loaded.astype({"emotion": str})
    if live:
        text["captured_at"] = text["captured_at"].astype("datetime64[us, UTC]")
    else:
        assert text.pop("captured_at").isna().all()
        assert expected.pop("captured_at").isna().all()
    pd.testing.assert_frame_equal(text, expected, check_exact=True)


def test_rows_are_the_observations_unrounded_and_ordered_by_track(tmp_path: Path) -> None:
    seen = list(conversation(300, live=True))
    write_parquet(tmp_path, "clip.mp4", seen)
    rows = iter(load(tmp_path).itertuples())
    for each in seen:
        for i in np.argsort(each.detected.tracks):
            row = next(rows)
            assert (row.frame, row.time_s, row.captured_at) == (each.frame, each.time_s, each.captured_at)
            assert row.track == each.detected.tracks[i]
            assert [row.x, row.y, row.width, row.height] == each.detected.boxes[i].tolist()
            assert [getattr(row, name) for name in EMOTIONS] == each.probabilities[i].tolist()
            assert row.emotion == EMOTIONS[each.probabilities[i].argmax()]
            assert row.confidence == each.probabilities[i].max()
            assert row.interpolated == each.detected.interpolated[i]
            np.testing.assert_array_equal([row.yaw, row.pitch, row.roll], each.poses[i])
            assert row.sharpness == each.sharpness[i]
    assert next(rows, None) is None


def test_what_the_caller_does_with_its_arrays_later_does_not_change_rows(tmp_path: Path) -> None:
    each = observation(0, [1], np.random.default_rng(0))
    box = each.detected.boxes[0].tolist()
    with sink("parquet", tmp_path) as writer:
        writer.write(each)
        each.detected.boxes[:] = 0
    assert load(tmp_path, ["x", "y", "width", "height"]).iloc[0, 1:].tolist() == box


@pytest.mark.parametrize("faceless", [0, 3])
def test_a_recording_without_faces_is_a_whole_file_without_rows(tmp_path: Path, faceless: int) -> None:
    for kind in ("parquet", "csv"):
        with sink(kind, tmp_path, "empty.mp4") as writer:
            for frame in range(faceless):
                writer.write(observation(frame, [], np.random.default_rng(0)))
    assert load(tmp_path).empty
    assert load(tmp_path)["emotion"].cat.categories.tolist() == list(EMOTIONS)
    assert list(read_csv(tmp_path / "csv" / "empty.mp4.csv")) == ["recording", *DOCUMENTED]
    write_parquet(tmp_path, "talk.mp4", conversation(20))
    study = pd.read_parquet(tmp_path / "timelines")
    assert study["recording"].unique().tolist() == ["talk.mp4"]
    assert len(study) == len(load(tmp_path)) > 0


def test_every_row_group_knows_all_seven_emotions(tmp_path: Path) -> None:
    only_happy = observation(0, [1], np.random.default_rng(0))
    only_happy.probabilities[:] = np.eye(7, dtype=np.float32)[3]
    write_parquet(tmp_path, "a.mp4", [only_happy])
    for frame in (load(tmp_path), pd.read_parquet(tmp_path / "timelines")):
        assert frame["emotion"].cat.categories.tolist() == list(EMOTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_reader_never_sees_half_a_file(tmp_path: Path, kind: str) -> None:
    with sink(kind, tmp_path) as writer:
        for each in conversation(20_000):
            writer.write(each)
        assert [name for name in files(tmp_path) if not name.rsplit("/", 1)[1].startswith(".")] == []
        if kind == "parquet":
            assert ds.dataset(tmp_path / "timelines", partitioning="hive").files == []
    assert len(files(tmp_path)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_exception_leaves_nothing_behind_and_an_earlier_result_untouched(tmp_path: Path, kind: str) -> None:
    def fail() -> None:
        with sink(kind, tmp_path) as writer:
            for each in conversation(20_000):
                writer.write(each)
            raise RuntimeError("decoder gave up")

    with pytest.raises(RuntimeError):
        fail()
    assert files(tmp_path) == []
    assert not list(tmp_path.glob("timelines/*"))
    with sink(kind, tmp_path) as writer:
        writer.write(observation(0, [1], np.random.default_rng(0)))
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    with pytest.raises(RuntimeError):
        fail()
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_full_disk_is_reported_in_a_sentence_and_nothing_is_published(tmp_path: Path, kind: str) -> None:
    writer = sink(kind, tmp_path)

    def fill() -> None:
        with writer:
            for each in conversation(40_000):
                writer.write(each)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_batch.filesystem.atomic.PendingFile.__init__", _on_full_disk)
        with pytest.raises(OutputError, match="free some space"):
            fill()
    assert files(tmp_path) == []


def _on_full_disk(self: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(".full.tmp")
    temporary.symlink_to("/dev/full")
    vars(self).update(path=path, temporary=temporary)


def test_faces_without_probabilities_are_refused(tmp_path: Path) -> None:
    each = observation(4, [1, 2], np.random.default_rng(0))
    bare = Observation(4, each.time_s, each.detected)
    with pytest.raises(ValueError, match="frame 4"), sink("parquet", tmp_path) as writer:
        writer.write(bare)


@pytest.mark.slow
def test_memory_stays_the_same_over_two_million_rows(tmp_path: Path) -> None:
    crowd = observation(0, list(range(1, 101)), np.random.default_rng(0))

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 if Path("/proc/self/statm").exists() else 0

    with sink("parquet", tmp_path) as parquet, sink("csv", tmp_path) as text:
        for frame in range(20_000):
            crowd.frame, crowd.time_s = frame, frame / 25
            parquet.write(crowd)
            if frame < 4_000:
                text.write(crowd)
            if frame == 4_000:
                early = (pa.total_allocated_bytes(), resident())
        late = (pa.total_allocated_bytes(), resident())
    assert parquet.rows == 2_000_000
    assert late[0] - early[0] < 2_000_000
    assert late[1] - early[1] < 30_000_000
    assert early[0] < 20_000_000
    assert pq.read_metadata(parquet.path).num_rows == 2_000_000
