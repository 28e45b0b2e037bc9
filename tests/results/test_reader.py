"""Reading an output folder back, whatever its recordings are called."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from helpers.timeline_samples import PROVENANCE, conversation, observation, write_parquet

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError, OutputError
from fer_batch.results.layout import Layout
from fer_batch.results.reader import load, tracks
from fer_batch.results.track_table import TrackSummary

ODD_IDS = [
    "-dash first.mp4",
    "100% %41 a=b&c+d.mp4",
    "123",
    "Ärger, 面接 😀.mov",
    "a/b c/../clip.mp4",
    "e\u0301 decomposed.mp4",
    'line\nbreak, "quoted".mp4',
    "recording=x/#?*:|<>\\.mkv",
    "true",
]


def test_every_reader_gives_odd_ids_back(tmp_path: Path) -> None:
    for recording in ODD_IDS:
        write_parquet(tmp_path, recording, [observation(0, [1], np.random.default_rng(0))])
    assert load(tmp_path)["recording"].tolist() == sorted(ODD_IDS)
    assert sorted(pd.read_parquet(tmp_path / "timelines")["recording"]) == sorted(ODD_IDS)
    partitioning = ds.partitioning(pa.schema([("recording", pa.string())]), flavor="hive")
    table = ds.dataset(tmp_path / "timelines", partitioning=partitioning).to_table()
    assert sorted(table["recording"].to_pylist()) == sorted(ODD_IDS)


def test_ids_that_look_like_numbers_are_text(tmp_path: Path) -> None:
    for recording in ("7", "10"):
        write_parquet(tmp_path, recording, conversation(5))
    frame = load(tmp_path)
    assert frame["recording"].unique().tolist() == ["10", "7"]
    assert frame["recording"].dtype == pd.DataFrame({"text": ["a"]})["text"].dtype


def test_rows_come_ordered_by_recording_frame_and_track(tmp_path: Path) -> None:
    for recording in ("b.mp4", "a.mp4", "a/c.mp4"):
        write_parquet(tmp_path, recording, reversed(list(conversation(50))))
    frame = load(tmp_path)
    pd.testing.assert_frame_equal(frame, frame.sort_values(["recording", "frame", "track"], ignore_index=True))
    assert frame["recording"].unique().tolist() == ["a.mp4", "a/c.mp4", "b.mp4"]


def test_columns_and_recordings_can_be_chosen(tmp_path: Path) -> None:
    for recording in ("a.mp4", "b.mp4", "c.mp4"):
        write_parquet(tmp_path, recording, conversation(10))
    whole = load(tmp_path)
    part = load(tmp_path, columns=["happy", "time_s"], recordings=["c.mp4", "a.mp4"])
    expected = whole.loc[whole["recording"] != "b.mp4", ["recording", "happy", "time_s"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, expected)
    pd.testing.assert_frame_equal(load(tmp_path, "happy", "b.mp4"), load(tmp_path, ["happy"], ["b.mp4"]))


def test_parts_of_an_older_version_read_as_null_where_they_lack_a_column(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, "old.mp4", conversation(10))
    write_parquet(tmp_path, "new.mp4", conversation(10))
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["confidence"]), path)
    frame = load(tmp_path).set_index("recording")["confidence"]
    assert frame.loc["old.mp4"].isna().all()
    assert frame.loc["new.mp4"].notna().all()
    assert frame.dtype == np.float32


def test_timelines_without_steadied_faces_poses_and_sharpness_read_beside_those_that_have_them(tmp_path: Path) -> None:
    """Those of the first version end with the column confidence."""
    later = ["interpolated", "yaw", "pitch", "roll", "sharpness"]
    path = write_parquet(tmp_path, "old.mp4", conversation(50))
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(later), path)
    assert load(tmp_path, later).iloc[:, 1:].isna().all(axis=None)
    written = write_parquet(tmp_path, "new.mp4", conversation(50))
    frame = load(tmp_path, later)
    assert list(frame) == ["recording", *later]
    old, new = (frame[frame["recording"] == name] for name in ("old.mp4", "new.mp4"))
    assert old[later].isna().all(axis=None)
    assert new["interpolated"].to_list() == pd.read_parquet(written)["interpolated"].to_list()
    # As a mask, unknown counts as False either way round.
    assert len(frame[frame["interpolated"]]) + len(frame[~frame["interpolated"]]) == len(new)
    assert new["interpolated"].sum() > 0
    assert new["sharpness"].notna().all()


def test_unusable_input_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing: no such folder; check the path"):
        load(tmp_path / "missing")
    path = write_parquet(tmp_path, "a.mp4", conversation(10))
    with pytest.raises(InputError, match="No column 'joy'"):
        load(tmp_path, ["joy"])
    with pytest.raises(InputError, match=r"no recording 'b\.mp4'"):
        load(tmp_path, recordings=["b.mp4"])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"part-00000\.parquet: not a readable"):
        load(tmp_path)


def test_tracks_agree_with_a_group_by_of_the_timeline(tmp_path: Path) -> None:
    summary = TrackSummary()
    seen = list(conversation(2_000))
    for each in seen:
        summary.write(each)
    write_parquet(tmp_path, "a.mp4", seen)
    summary.save(Layout(tmp_path).tracks("a.mp4"), PROVENANCE)
    assert tracks(tmp_path)["track"].dtype == np.int32
    table, rows = tracks(tmp_path).set_index("track"), load(tmp_path)
    groups = rows.groupby("track")
    assert table["recording"].unique().tolist() == ["a.mp4"]
    assert table["frames"].equals(groups.size().rename("frames"))
    assert table["first_time_s"].equals(groups["time_s"].min().rename("first_time_s"))
    assert table["last_time_s"].equals(groups["time_s"].max().rename("last_time_s"))
    means = ["x", "y", "width", "height", "score", *EMOTIONS]
    exact = rows.astype(dict.fromkeys(means, np.float64)).groupby("track")[means].mean().astype(np.float32)
    pd.testing.assert_frame_equal(table[means], exact, rtol=1e-6, check_index_type=False)
    counts = pd.crosstab(rows["track"], rows["emotion"])
    assert (table["emotion_share"] == (counts.max(axis=1) / counts.sum(axis=1)).astype(np.float32)).all()
    dominant = counts.to_numpy()[np.arange(len(table)), table["emotion"].cat.codes]
    assert (dominant == counts.max(axis=1)).all()


def test_an_emotion_tie_goes_to_the_higher_mean_probability() -> None:
    summary = TrackSummary()
    for frame, happy in enumerate([0.6, 0.3]):
        each = observation(frame, [5], np.random.default_rng(0))
        each.probabilities[:] = 0
        each.probabilities[0, [3, 4]] = happy, 1 - happy
        summary.write(each)
    (row,) = summary.table().to_pylist()
    assert (row["track"], row["emotion"], row["emotion_share"]) == (5, "sad", 0.5)


def test_no_track_is_a_table_without_rows(tmp_path: Path) -> None:
    summary = TrackSummary()
    summary.write(observation(0, [], np.random.default_rng(0)))
    summary.save(Layout(tmp_path).tracks("a.mp4"), PROVENANCE)
    assert tracks(tmp_path).empty


@pytest.mark.parametrize("recording", [*ODD_IDS, "../../escape.mp4", "/etc/passwd", "..", ".", "a//b", "C:\\x"])
def test_no_id_leads_out_of_the_output_folder(tmp_path: Path, recording: str) -> None:
    layout = Layout(tmp_path)
    for path, folder in (
        (layout.timeline(recording), "timelines"),
        (layout.csv(recording), "csv"),
        (layout.annotated(recording), "annotated"),
        (layout.record(recording), "recordings"),
    ):
        assert path.resolve().is_relative_to((tmp_path / folder).resolve())
        assert path.resolve() != (tmp_path / folder).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_no_two_ids_share_a_file(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    ids = [*ODD_IDS, *map(quote, ODD_IDS), "..", "%2E%2E", "a//b", "a/%/b", "a/b", "%", "a%2Fb"]
    ids = sorted(set(ids))
    for place in (layout.timeline, layout.csv, layout.record):
        assert len({place(recording) for recording in ids}) == len(ids)


def test_names_in_the_output_folder_are_the_ones_a_user_expects(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.csv("day 1/Ärger.mov") == tmp_path / "csv" / "day 1" / "Ärger.mov.csv"
    assert layout.annotated("day 1/Ärger.MOV") == tmp_path / "annotated" / "day 1" / "Ärger.mp4"
    assert layout.annotated("camera 10.0.0.1") == tmp_path / "annotated" / "camera 10.0.0.1.mp4"
    assert layout.annotated("portrait.jpeg", photo=True) == tmp_path / "annotated" / "portrait.jpeg"
    assert layout.record("a/b.mp4") == tmp_path / "recordings" / "a" / "b.mp4.json"


def test_a_name_that_the_file_system_refuses_is_explained(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="shorter name"):
        write_parquet(tmp_path, "面" * 100, [])
    with pytest.raises(InputError, match="rename the file"):
        Layout(tmp_path).csv("caf\udce9.mp4")
