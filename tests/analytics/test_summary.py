"""A whole study read at once: data set, recordings, summary, windows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from helpers.timeline_samples import PROVENANCE, conversation, files, observation, write_parquet

import fer_batch
from fer_batch.cli.main import run
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.filesystem.atomic import PendingFile
from fer_batch.results.episode_writer import EpisodeWriter
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.results.track_table import TrackSummary
from fer_batch.types import Observation

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def document(out: Path, recording: str, status: str = "done", **values: object) -> None:
    record = RecordingRecord(recording, f"/videos/{recording}", status, NOON, NOON, **values)  # type: ignore[arg-type]
    record.write(Layout(out).record(recording))


def analysed(out: Path, recording: str, seen: Iterable[Observation], persons: dict[int, int] | None = None) -> None:
    """All that a finished analysis leaves of a recording."""
    seen, tracks = list(seen), TrackSummary()
    write_parquet(out, recording, seen)
    with EpisodeWriter(Layout(out).episodes(recording), PROVENANCE) as episodes:
        for each in seen:
            episodes.write(each)
            tracks.write(each)
    tracks.join(persons or {})
    tracks.save(Layout(out).tracks(recording), PROVENANCE)
    counts = {"rows": sum(map(len, seen)), "tracks": len(tracks)}
    document(out, recording, probe={"kind": "video", "duration_s": 9.5, "width": 64}, counts=counts)


def showing(emotion: str, frame: int, time_s: float, tracks: list[int]) -> Observation:
    """Faces that are certain of one emotion."""
    each = observation(frame, tracks, np.random.default_rng(0))
    each.probabilities[:] = 0
    each.probabilities[:, EMOTIONS.index(emotion)] = 1
    return replace(each, time_s=time_s)


def test_a_data_set_filters_and_aggregates_without_guessing_at_ids(tmp_path: Path) -> None:
    for recording in ("1", "2", "a b%41=c/d.mp4"):
        write_parquet(tmp_path, recording, conversation(60))
    old = write_parquet(tmp_path, "02", conversation(60))
    pq.write_table(pq.read_table(old, partitioning=None).drop_columns(["sharpness"]), old)
    old.rename(old.with_name("part-00001.parquet"))
    (old.parent / ".hidden-part.tmp.parquet").write_bytes(b"half a file")
    data = fer_batch.dataset(tmp_path)
    assert data.schema.names[0] == "recording"
    expected = fer_batch.load(tmp_path)
    chosen = data.to_table(filter=(ds.field("recording") == "2") & (ds.field("happy") > 0.5)).to_pandas()
    alike = expected[(expected["recording"] == "2") & (expected["happy"] > 0.5)].reset_index(drop=True)
    pd.testing.assert_frame_equal(chosen[["recording", "frame", "happy"]], alike[["recording", "frame", "happy"]])
    counts = data.to_table(["recording"]).group_by("recording").aggregate([([], "count_all")]).to_pydict()
    assert (
        dict(zip(counts["recording"], counts["count_all"], strict=True))
        == expected["recording"].value_counts().to_dict()
    )
    lacking = data.to_table(["sharpness"], filter=ds.field("recording") == "02")["sharpness"]
    assert 0 < len(lacking) == lacking.null_count


def test_recordings_are_chosen_by_patterns_too(tmp_path: Path) -> None:
    for recording in ("s1/a.mp4", "s1/b.mp4", "s2/a.mp4", "s[1]/*.mp4"):
        write_parquet(tmp_path, recording, conversation(5))

    def read(*recordings: str) -> list[str]:
        return list(fer_batch.load(tmp_path, ["frame"], recordings)["recording"].unique())

    assert read("s1/*") == ["s1/a.mp4", "s1/b.mp4"]
    assert read("*/a.mp4", "s1/a.mp4") == ["s1/a.mp4", "s2/a.mp4"]
    assert read("s[1]/*.mp4") == ["s[1]/*.mp4"]
    with pytest.raises(InputError, match=r"no recording 's3/\*'"):
        read("s3/*")


def test_parts_of_a_recording_are_one_timeline(tmp_path: Path) -> None:
    seen = list(conversation(40))
    path = write_parquet(tmp_path / "parts", "a.mp4", seen[20:])
    path.rename(path.with_name("part-00001.parquet"))
    write_parquet(tmp_path / "parts", "a.mp4", seen[:20])
    write_parquet(tmp_path / "whole", "a.mp4", seen)
    pd.testing.assert_frame_equal(fer_batch.load(tmp_path / "parts"), fer_batch.load(tmp_path / "whole"))


def test_persons_are_whole_numbers_whether_or_not_some_are_unknown(tmp_path: Path) -> None:
    seen = [showing("happy", 0, 0, [1, 2])]
    analysed(tmp_path, "a.mp4", seen, {1: 1, 2: 1})
    assert fer_batch.tracks(tmp_path)["person"].dtype == "Int32"
    analysed(tmp_path, "b.mp4", seen)
    assert fer_batch.tracks(tmp_path)["person"].astype(object).fillna(0).to_list() == [1, 1, 0, 0]
    assert fer_batch.tracks(tmp_path)["person"].dtype == "Int32"


def test_every_recording_has_a_row_failed_and_unreadable_ones_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no recordings"):
        fer_batch.recordings(tmp_path)
    analysed(tmp_path, "b.mp4", conversation(30))
    document(tmp_path, "a/1.mp4", "failed", error="/videos/a/1.mp4: no video.")
    Layout(tmp_path).record("c.mp4").write_text("{")
    PendingFile(Layout(tmp_path).record("b.mp4")).temporary.write_text("{")  # as a running analysis has it
    Layout(tmp_path).record("d.mp4").write_text("[]")
    table = fer_batch.recordings(tmp_path).set_index("recording")
    assert table["status"].to_dict() == {
        "a/1.mp4": "failed",
        "b.mp4": "done",
        "c.mp4": "unreadable",
        "d.mp4": "unreadable",
    }
    assert table.loc["a/1.mp4", "error"] == "/videos/a/1.mp4: no video."
    assert "c.mp4.json" in table.loc["c.mp4", "error"]
    assert table["rows"].dtype == "Int64"
    assert table.loc["b.mp4", ["rows", "width"]].to_list() == [len(fer_batch.load(tmp_path)), 64]
    assert table.loc["b.mp4", "finished_at"] == pd.Timestamp(NOON)


def test_time_seen_goes_by_the_frames_own_times_and_leaves_gaps_out(tmp_path: Path) -> None:
    # 4 frames/s; track 1 is happy in 4 frames, gone for 10 seconds, sad in 3; track 2 beside it in the first 2.
    seen = [showing("happy", frame, frame / 4, [1, 2] if frame < 2 else [1]) for frame in range(4)]
    seen += [showing("sad", frame, frame / 4, [1]) for frame in range(44, 47)]
    analysed(tmp_path, "a.mp4", seen, {1: 1, 2: 2})
    recordings, tracks = fer_batch.summary(tmp_path)
    assert tracks[["track", "person", "seen_s"]].to_numpy().tolist() == [[1, 1, 1.75], [2, 2, 0.5]]
    assert tracks.loc[0, ["happy_share", "sad_share", "happy_mean"]].to_list() == pytest.approx([4 / 7, 3 / 7, 4 / 7])
    assert tracks.loc[0, ["happy_episodes", "happy_s", "sad_episodes", "sad_s"]].to_list() == [1, 1.0, 1, 0.75]
    assert recordings.loc[0, ["seen_s", "tracks", "persons", "rows"]].to_list() == [1.75, 2, 2, 9]
    assert recordings.loc[0, "happy_share"] == pytest.approx(6 / 9)
    recordings, tracks = fer_batch.summary(tmp_path, minimum_s=1)
    assert tracks["track"].to_list() == [1]
    assert recordings.loc[0, ["tracks", "persons", "rows"]].to_list() == [1, 1, 7]


def test_frames_that_follow_each_other_have_no_gap_however_long_they_last(tmp_path: Path) -> None:
    times = [0, 0.1, 0.2, 0.3, 3.3, 3.4]
    analysed(tmp_path, "a.mp4", [showing("sad", frame, time_s, [1]) for frame, time_s in enumerate(times)])
    assert fer_batch.summary(tmp_path).tracks["seen_s"].to_list() == pytest.approx([3.5])


def test_a_summary_holds_all_kinds_of_recordings(tmp_path: Path) -> None:
    analysed(tmp_path, "empty.mp4", [observation(0, [], np.random.default_rng(0))])
    analysed(tmp_path, "photo.jpg", [showing("happy", 0, 0, [1])])
    document(tmp_path, "photo.jpg", probe={"kind": "photo"}, counts={"rows": 1})
    document(tmp_path, "broken.mp4", "failed", error="broken.mp4: no video.")
    document(tmp_path, "csv.mp4", counts={"rows": 9})
    write_parquet(tmp_path, "running.mp4", conversation(20))
    recordings, tracks = fer_batch.summary(tmp_path, minimum_s=1)
    table = recordings.set_index("recording")
    assert table.index.to_list() == ["broken.mp4", "csv.mp4", "empty.mp4", "photo.jpg"]
    assert table["seen_s"].isna().to_list() == [True, True, False, False]
    assert table.loc["empty.mp4", ["tracks", "seen_s", "happy_episodes"]].to_list() == [0, 0, 0]
    assert pd.isna(table.loc["empty.mp4", "happy_share"])
    assert table.loc["photo.jpg", ["tracks", "seen_s", "happy_share"]].to_list() == [1, 0, 1]
    assert table.loc["broken.mp4", "error"] == "broken.mp4: no video."
    assert tracks["recording"].to_list() == ["photo.jpg"]


def test_a_study_in_csv_alone_is_refused(tmp_path: Path) -> None:
    document(tmp_path, "csv.mp4", counts={"rows": 9})
    with pytest.raises(InputError, match="CSV alone"):
        fer_batch.summary(tmp_path)


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    name = "a long name " * 9 + ".mp4"
    analysed(out, name, conversation(200))
    document(out, "b.mp4", "failed", error="b.mp4: no video.")
    assert run(["summary", str(out)]) == 0
    said = capsys.readouterr()
    assert f"…{name[-59:]} " in said.out, "as long as it may be, and no longer"
    assert "b.mp4: no video." in said.err
    tables = fer_batch.summary(out)
    assert files(out / "summary") == ["recordings.csv", "recordings.parquet", "tracks.csv", "tracks.parquet"]
    stored = pd.read_parquet(out / "summary" / "tracks.parquet")
    pd.testing.assert_frame_equal(stored, tables.tracks, check_dtype=False)
    assert len(pd.read_csv(out / "summary" / "recordings.csv")) == 2
    assert run(["summary", str(out), "--json", "-o", str(tmp_path / "else")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["track"] for row in printed["tracks"]] == tables.tracks["track"].to_list()
    assert len(files(tmp_path / "else")) == 4
    assert run(["summary", str(tmp_path / "nothing")]) == 2


def test_windows_are_aligned_with_the_start_and_know_how_full_they_are(tmp_path: Path) -> None:
    # 10 frames/s from 0.5 s on; the face is there until 2.2 s.
    seen = [showing("happy" if frame < 10 else "sad", frame, frame / 10, [1]) for frame in range(5, 22)]
    write_parquet(tmp_path, "a.mp4", seen)
    table = fer_batch.resample(tmp_path, 1)
    assert table["start_s"].to_list() == [0, 1, 2]
    assert table["rows"].to_list() == [5, 10, 2]
    assert table["share"].to_list() == pytest.approx([0.5, 1, 0.2])
    assert table["happy"].to_list() == [1, 0, 0]
    pd.testing.assert_frame_equal(fer_batch.resample(fer_batch.load(tmp_path), 1), table)
    with pytest.raises(InputError, match="length of a window"):
        fer_batch.resample(tmp_path, 0)
