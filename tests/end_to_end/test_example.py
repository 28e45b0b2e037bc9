"""What the README promises about the clip and the still that ship."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.command import Run, files
from helpers.paths import EXAMPLES

import fer_batch
from fer_batch import EMOTIONS
from fer_batch.inference.registry import manifest

FRAMES = 472
BOX = ["x", "y", "width", "height"]
NUMBERS = [*BOX, "score", *EMOTIONS]


@pytest.fixture(scope="module")
def timeline(example: Run) -> pd.DataFrame:
    return fer_batch.load(example.out)


def presentation_times(path: Path) -> list[float]:
    """Seconds from the video stream's start, straight from the container."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base, start = stream.time_base, stream.start_time
        assert base is not None
        assert start is not None
        pts = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    return [float((p - start) * base) for p in pts]


@pytest.mark.slow
def test_the_face_is_found_throughout_and_keeps_its_number(timeline: pd.DataFrame) -> None:
    assert timeline["frame"].nunique() >= 0.97 * FRAMES
    assert timeline["track"].value_counts(normalize=True).max() >= 0.95


def test_every_row_carries_its_frames_own_presentation_time(timeline: pd.DataFrame, clip: Path) -> None:
    times = np.array(presentation_times(clip))
    assert len(times) == FRAMES
    np.testing.assert_allclose(timeline["time_s"], times[timeline["frame"]], rtol=0, atol=1e-6)


def test_probabilities_and_their_summary_agree(timeline: pd.DataFrame) -> None:
    probabilities = timeline[list(EMOTIONS)].to_numpy(np.float64)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-5)
    assert (timeline["emotion"].astype(str) == np.array(EMOTIONS)[probabilities.argmax(axis=1)]).all()
    np.testing.assert_array_equal(timeline["confidence"], timeline[list(EMOTIONS)].max(axis=1))


def test_the_tears_come_out_as_sadness(timeline: pd.DataFrame) -> None:
    crying = timeline[timeline["time_s"].between(1.5, 4)]
    assert crying[list(EMOTIONS)].mean().idxmax() == "sad"


def test_the_laughter_comes_out_as_happiness(timeline: pd.DataFrame) -> None:
    laughing = timeline[timeline["time_s"].between(14, 19)]
    assert (laughing["emotion"] == "happy").mean() >= 0.8


def test_the_annotated_video_has_the_frames_times_and_sound_of_its_source(example: Run, clip: Path) -> None:
    with av.open(str(clip)) as before, av.open(str(example.annotated())) as after:
        source, result = before.streams.video[0], after.streams.video[0]
        assert (result.codec_context.name, result.pix_fmt) == ("h264", "yuv420p")
        assert (result.width, result.height) == (source.width, source.height)
        assert source.duration is not None
        assert source.time_base is not None
        assert result.duration is not None
        assert result.time_base is not None
        frame_s = 1 / 23.97
        assert abs(float(result.duration * result.time_base - source.duration * source.time_base)) <= frame_s
        assert len(after.streams.audio) == 1
        assert sum(frame.samples for frame in after.decode(audio=0)) > 19 * 44100
    with av.open(str(example.annotated())) as after:
        assert sum(1 for _ in after.decode(video=0)) == FRAMES
    np.testing.assert_allclose(presentation_times(example.annotated()), presentation_times(clip), rtol=0, atol=1e-6)


def test_the_annotated_video_shows_the_box_of_each_row(example: Run, timeline: pd.DataFrame, clip: Path) -> None:
    """Outlined where the timeline says, and nowhere the picture of a frame before or after."""
    row = timeline[timeline["frame"] == 300].iloc[0]
    pictures = []
    for path in (clip, example.annotated()):
        with av.open(str(path)) as container:
            pictures.append(
                next(f for i, f in enumerate(container.decode(video=0)) if i == 300).to_ndarray(format="gray")
            )
    changed = np.abs(pictures[0].astype(int) - pictures[1]) > 40
    x, y, width, height = (round(float(row[name])) for name in BOX)
    left = changed[y + height // 4 : y + 3 * height // 4, x - 3 : x + 4].any(axis=1)
    inside = changed[y + height // 3 : y + 2 * height // 3, x + width // 3 : x + 2 * width // 3]
    assert left.mean() > 0.6
    assert inside.mean() < 0.02


def test_pandas_reads_the_folder_as_load_does(example: Run, timeline: pd.DataFrame) -> None:
    direct = pd.read_parquet(example.out / "timelines")
    assert set(direct["recording"].astype(str)) == {example.recording} == set(timeline["recording"])
    assert set(direct.columns) == set(timeline.columns)
    assert next(iter(timeline.columns)) == "recording"
    for name in timeline.columns:
        ours, theirs = timeline[name], direct[name]
        if name in {"recording", "emotion"}:
            ours, theirs = ours.astype(str), theirs.astype(str)
        pd.testing.assert_series_equal(ours, theirs, check_dtype=name not in {"recording", "emotion"}, check_exact=True)


def test_the_csv_holds_the_same_values(example: Run, timeline: pd.DataFrame) -> None:
    with (example.out / "csv" / f"{example.recording}.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == list(timeline.columns)
    for name, values in zip(header, zip(*rows, strict=True), strict=True):
        if name == "captured_at":
            assert set(values) == {""}
        elif name in {"recording", "emotion"}:
            assert list(values) == timeline[name].astype(str).to_list()
        elif name == "interpolated":
            assert [value == "true" for value in values] == timeline[name].to_list()
        else:
            # A pose or sharpness that is not known is an empty field.
            numbers = np.array([value or "nan" for value in values], float)
            np.testing.assert_array_equal(numbers.astype(timeline[name].dtype), timeline[name])


def test_the_record_tells_how_the_results_came_to_be(example: Run, timeline: pd.DataFrame, clip: Path) -> None:
    record, model = example.record(), manifest()["emotion-gray48"]
    assert (record["id"], record["status"], record["error"]) == (clip.name, "done", None)
    counts = record["counts"]
    assert (counts["frames_decoded"], counts["frames_analysed"]) == (FRAMES, FRAMES)
    assert (counts["rows"], counts["tracks"]) == (len(timeline), timeline["track"].nunique())
    assert counts["damaged_packets"] == counts["damaged_frames"] == counts["repaired_times"] == 0
    assert record["model"] == {"name": model.name, "sha256": model.sha256, "device": "cpu"}
    assert (record["settings"]["detector"], record["settings"]["persons"]) == ("auto", True)
    probe = record["probe"]
    assert (probe["width"], probe["height"], probe["frames"], probe["audio_codec"]) == (640, 360, FRAMES, "aac")
    assert record["versions"]["fer_batch"] == fer_batch.__version__
    assert all(record["versions"][name] for name in ("python", "mediapipe", "onnxruntime", "av", "opencv", "pyarrow"))
    assert record["started_at"] < record["finished_at"]


@pytest.mark.parametrize("table", ["timelines", "tracks", "episodes"])
def test_the_parquet_files_say_what_made_them(example: Run, table: str) -> None:
    (part,) = (example.out / table).glob("recording=*/part-*.parquet")
    metadata = {key.decode(): value.decode() for key, value in pq.read_schema(part).metadata.items()}
    assert metadata["fer_batch.schema_version"] == "2"
    assert metadata["fer_batch.version"] == fer_batch.__version__
    assert metadata["fer_batch.model"] == "emotion-gray48"
    assert metadata["fer_batch.model_sha256"] == manifest()["emotion-gray48"].sha256
    assert '"batch_size": 32' in metadata["fer_batch.settings"]


def test_the_tracks_table_sums_up_the_timeline(example: Run, timeline: pd.DataFrame) -> None:
    tracks = fer_batch.tracks(example.out).set_index("track")
    groups = timeline.groupby("track")
    assert list(tracks.index) == sorted(timeline["track"].unique())
    np.testing.assert_array_equal(tracks["first_time_s"], groups["time_s"].min())
    np.testing.assert_array_equal(tracks["last_time_s"], groups["time_s"].max())
    np.testing.assert_array_equal(tracks["frames"], groups.size())
    means = groups[NUMBERS].agg(lambda column: column.astype(np.float64).mean())
    np.testing.assert_allclose(tracks[NUMBERS], means, rtol=1e-5, atol=1e-6)
    for track, rows in groups:
        votes = rows["emotion"].astype(str).value_counts(normalize=True)
        assert votes[tracks.loc[track, "emotion"]] == votes.max() == pytest.approx(tracks.loc[track, "emotion_share"])


def test_the_episodes_are_what_one_sees(example: Run, timeline: pd.DataFrame) -> None:
    """Tears, her hands before her face, a look upwards, and from 9.5 seconds on a smile that turns into laughter."""
    episodes = fer_batch.episodes(example.out)
    assert 2 <= len(episodes) <= 6
    assert example.record()["counts"]["episodes"] == len(episodes)
    first, last = episodes.iloc[0], episodes.iloc[-1]
    assert first["emotion"] in {"sad", "fear"}
    assert first["start_s"] <= 1
    assert first["end_s"] == pytest.approx(6, abs=1)
    assert last["emotion"] == "happy"
    assert last["start_s"] == pytest.approx(9.5, abs=1)
    assert last["end_s"] == pytest.approx(timeline["time_s"].max() + 1 / 23.976, abs=0.01)
    assert (episodes["emotion"] == "happy").sum() == 1
    assert (episodes["start_s"].iloc[1:].to_numpy() >= episodes["end_s"].iloc[:-1].to_numpy()).all()
    for row in episodes.itertuples():
        (line,) = (line for line in example.done.stdout.splitlines() if f"-0:{row.end_s:04.1f}  {row.emotion}" in line)
        assert f"peak {row.peak:.2f} at 0:{row.peak_s:04.1f}" in line


@pytest.mark.slow
@pytest.mark.parametrize("fps", [5, 10])
def test_fewer_frames_a_second_give_the_same_episodes(example: Run, clip: Path, fps: float) -> None:
    # From 6.2 to 8.3 s, half behind her hand, neutral and fear stand at what an episode needs: some rates see them.
    every, few = (
        episodes[~episodes["emotion"].isin(["neutral", "fear"])].reset_index(drop=True)
        for episodes in (fer_batch.episodes(example.out), fer_batch.episodes(fer_batch.analyze(clip, fps=fps)))
    )
    assert few["emotion"].to_list() == every["emotion"].to_list() == ["sad", "surprise", "happy"]
    np.testing.assert_allclose(few[["start_s", "end_s"]], every[["start_s", "end_s"]], atol=1.5 / fps)


def test_the_episodes_follow_from_the_timeline(example: Run, timeline: pd.DataFrame) -> None:
    episodes = fer_batch.episodes(example.out)
    pd.testing.assert_frame_equal(fer_batch.episodes(timeline), episodes, check_exact=True)
    sure = fer_batch.episodes(timeline, rules=fer_batch.EpisodeRules(onset=0.9))
    assert set(sure["emotion"]) == {"sad", "happy"}


def test_nothing_but_the_results_is_in_the_output_folder(example: Run) -> None:
    name = example.recording
    assert files(example.out) == [
        f"annotated/{name}",
        f"csv/{name}.csv",
        f"episodes/recording={name}/part-00000.parquet",
        f"recordings/{name}.json",
        "study.toml",
        f"timelines/recording={name}/part-00000.parquet",
        f"tracks/recording={name}/part-00000.parquet",
    ]
    assert name in example.done.stdout
    assert str(example.annotated()) in example.done.stdout


@pytest.mark.slow
def test_a_photo_is_a_recording_of_one_frame(analyze_by_script: Callable[..., Run], tmp_path: Path) -> None:
    run = analyze_by_script(EXAMPLES / "astronaut.png", tmp_path / "out")
    assert fer_batch.episodes(run.out).empty
    (row,) = fer_batch.load(run.out).to_dict("records")
    assert (row["recording"], row["frame"], row["time_s"], row["track"]) == ("astronaut.png", 0, 0.0, 1)
    # Her face lies about there in the picture of 512x512.
    assert 150 < row["x"] < row["x"] + row["width"] < 300
    assert 30 < row["y"] < row["y"] + row["height"] < 210
    before, after = (cv2.imread(str(path)) for path in (EXAMPLES / "astronaut.png", run.annotated()))
    assert before is not None
    assert after is not None
    assert after.shape == before.shape
    changed = (before != after).any(axis=2)
    assert changed.any()
    assert not changed[int(row["y"] + row["height"]) + 60 :].any()
