"""Episodes: what a person would mark who watches the recording, however it was analysed."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.paths import EXAMPLE
from helpers.timeline_samples import PROVENANCE, write_parquet
from numpy.typing import NDArray

import fer_batch
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.results.episode_writer import EpisodeWriter
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, load
from fer_batch.segmentation.episode_finder import EpisodeFinder
from fer_batch.segmentation.hysteresis import EpisodeRules
from fer_batch.types import Faces, Observation

DOCUMENTED = {
    "track": "int32",
    "emotion": "dictionary<values=string, indices=int8, ordered=0>",
    "start_s": "double",
    "end_s": "double",
    "duration_s": "double",
    "peak_s": "double",
    "peak": "float",
    "mean_probability": "float",
    "frames": "int64",
}


def face(**emotions: float) -> NDArray[np.float32]:
    """Probabilities of one face: those named, the rest shared out evenly."""
    rest = (1 - sum(emotions.values())) / (len(EMOTIONS) - len(emotions))
    return np.array([emotions.get(name, rest) for name in EMOTIONS], np.float32)


def frame(index: int, time_s: float, faces: dict[int, NDArray[np.float32]]) -> Observation:
    n = len(faces)
    detected = Faces(
        np.zeros((n, 4), np.float32),
        np.zeros((n, 6, 2), np.float32),
        np.ones(n, np.float32),
        np.array(list(faces), np.int32),
    )
    return Observation(index, float(time_s), detected, np.array(list(faces.values()), np.float32).reshape(n, 7))


def one_face(times: Iterable[float], look: Callable[[float], NDArray[np.float32]]) -> Iterator[Observation]:
    for index, time_s in enumerate(times):
        yield frame(index, time_s, {1: look(time_s)})


def written(out: Path, observations: Iterable[Observation]) -> pd.DataFrame:
    """The episodes read back, after checking that the timeline in memory gives the same."""
    seen = list(observations)
    with EpisodeWriter(Layout(out).episodes("a.mp4"), PROVENANCE) as writer:
        for each in seen:
            writer.write(each)
    write_parquet(out, "a.mp4", seen)
    found = episodes(out)
    pd.testing.assert_frame_equal(found, episodes(load(out)), check_exact=True)
    assert writer.rows == len(found)
    return found


def spans(found: pd.DataFrame) -> list[tuple[str, float, float]]:
    return [(row.emotion, round(row.start_s, 2), round(row.end_s, 2)) for row in found.itertuples()]


def crowd(seconds: int, seed: int = 0) -> Iterator[Observation]:
    """Up to four noisy faces at uneven times; they come, go, are missed and change their looks."""
    rng = np.random.default_rng(seed)
    time_s = 0.0
    for index in range(seconds * 12):
        time_s += rng.choice([0.04, 0.08, 0.12])
        slot, faces = int(time_s // 7), {}
        for track in (slot, slot + 1, slot + 2, slot + 3):
            mood = np.random.default_rng([seed, track, int(time_s * (1 + track % 3) / 2)]).normal(0, 1.5, 7)
            logits = mood + rng.normal(0, 1.5, 7)
            # Now and then somebody is unseen for a second or two.
            if np.random.default_rng([seed, track, int(time_s), 1]).random() > 0.2:
                faces[track + 1] = (np.exp(logits) / np.exp(logits).sum()).astype(np.float32)
        yield frame(index, time_s, faces)


def test_a_part_has_the_documented_columns_and_says_by_which_rules_it_was_made(tmp_path: Path) -> None:
    written(tmp_path, one_face(np.arange(0, 3, 0.04), lambda _: face(happy=0.9)))
    schema = pq.read_schema(Layout(tmp_path).episodes("a.mp4"))
    types = {field.name: str(field.type).replace("indices=int32", "indices=int8") for field in schema}
    assert types == DOCUMENTED
    assert list(types) == list(DOCUMENTED)
    assert json.loads(schema.metadata[b"fer_batch.episodes"]) == EpisodeRules().to_dict()
    assert schema.metadata[b"fer_batch.model"] == b"gray48"
    assert episodes(tmp_path)["emotion"].cat.categories.tolist() == list(EMOTIONS)


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda t: face(happy=0.9) if int(t * 25) % 5 > 1 else face(sad=0.9), id="from frame to frame"),
        pytest.param(lambda t: face(happy=0.9) if t % 0.8 > 0.35 else face(sad=0.9), id="several times a second"),
        pytest.param(
            lambda t: face(happy=0.52, sad=0.43) if t % 3 < 2 else face(happy=0.43, sad=0.52), id="slowly, by little"
        ),
    ],
)
def test_flickering_between_two_emotions_is_one_episode(
    tmp_path: Path, look: Callable[[float], NDArray[np.float32]]
) -> None:
    found = written(tmp_path, one_face(np.arange(0, 59, 0.04), look))
    assert load(tmp_path)["emotion"].astype(str).ne(load(tmp_path)["emotion"].astype(str).shift()).sum() >= 30
    ((emotion, start_s, end_s),) = spans(found)
    assert emotion == "happy"
    assert start_s == pytest.approx(0, abs=1.1)
    assert end_s == pytest.approx(59, abs=1.1)


def test_an_emotion_that_takes_over_slowly_begins_where_it_began_to_lead(tmp_path: Path) -> None:
    found = written(
        tmp_path, one_face(np.arange(0, 10, 0.04), lambda t: face(sad=0.9 - 0.08 * t, happy=0.1 + 0.08 * t))
    )
    assert spans(found) == [("sad", 0, pytest.approx(5, abs=0.05)), ("happy", pytest.approx(5, abs=0.05), 10)]


def drama(time_s: float) -> NDArray[np.float32]:
    """Sad, neutral, surprised for 1.2 seconds, happy, interrupted for 0.3 seconds, and something in between."""
    noise = np.random.default_rng(int(time_s * 1000)).normal(0, 0.6, 7)
    at = int(np.searchsorted([4, 8, 9.2, 12, 12.3, 15], time_s, "right"))
    name = ("sad", "neutral", "surprise", "happy", "fear", "happy", "")[at]
    look = face(**{name: 0.85}) if name else face()
    odds = look * np.exp(noise)
    return np.asarray(odds / odds.sum(), np.float32)


@pytest.mark.parametrize("fps", [5, 10, 24000 / 1001, 60, None])
def test_the_episodes_are_the_same_at_any_frame_rate(tmp_path: Path, fps: float | None) -> None:
    uneven = np.cumsum(np.random.default_rng(0).choice([1 / 60, 1 / 30, 1 / 15], 600))
    times = np.arange(0, 18, 1 / fps) if fps else uneven[uneven < 18]
    found = written(tmp_path, one_face(times, drama))
    assert found["emotion"].tolist() == ["sad", "neutral", "surprise", "happy"]
    within = max(0.1, 1 / (fps or 10))
    np.testing.assert_allclose(found["start_s"], [0, 4, 8, 9.2], atol=within)
    np.testing.assert_allclose(found["end_s"].iloc[:3], [4, 8, 9.2], atol=within)
    # Fading away, it is over at the lower limit, not in the middle.
    assert found["end_s"].iloc[3] == pytest.approx(15.1, abs=within + 0.1)


def test_at_a_frame_a_second_every_row_counts_for_its_second(tmp_path: Path) -> None:
    looks = [face(sad=0.8)] * 3 + [face(happy=0.8)] + [face(sad=0.8)] * 2 + [face(neutral=0.8)]
    times = [0, 1.01, 2, 3.02, 4, 6, 7]  # a face missed at 5
    found = written(tmp_path, one_face(times, lambda t: looks[times.index(t)]))
    assert spans(found) == [("sad", 0, 3.02), ("happy", 3.02, 4), ("sad", 4, 7), ("neutral", 7, 7.98)]
    assert found["frames"].tolist() == [3, 1, 2, 1]


@pytest.mark.parametrize(("unseen_s", "pieces"), [(0.9, 1), (1.2, 2)])
def test_a_face_that_is_unseen_for_more_than_a_second_ends_its_episode(
    tmp_path: Path, unseen_s: float, pieces: int
) -> None:
    before = np.arange(0, 5, 0.04)
    after = before[-1] + unseen_s + before
    found = written(tmp_path, one_face([*before, *after], lambda _: face(happy=0.9)))
    assert len(found) == pieces
    assert found["end_s"].iloc[-1] == pytest.approx(after[-1] + 0.04)
    if pieces == 2:
        assert found["end_s"].iloc[0] == pytest.approx(before[-1] + 0.04)
        assert found["start_s"].iloc[1] == after[0]


def test_what_is_short_or_mixed_is_no_episode(tmp_path: Path) -> None:
    assert written(tmp_path / "photo", one_face([0.0], lambda _: face(happy=1))).empty
    assert written(tmp_path / "short", one_face(np.arange(0, 0.4, 0.04), lambda _: face(happy=1))).empty
    assert written(tmp_path / "mixed", one_face(np.arange(0, 9, 0.04), lambda _: face(happy=0.45, sad=0.4))).empty


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_files_and_timelines_in_memory_give_the_same_whatever_the_rules(tmp_path: Path, seed: int) -> None:
    seen = list(crowd(120, seed))
    untouched = [each.probabilities.copy() for each in seen]
    found = written(tmp_path, seen)
    assert len(found) > 50
    assert found["track"].nunique() > 10
    for each, before in zip(seen, untouched, strict=True):
        np.testing.assert_array_equal(each.probabilities, before)
    timeline = load(tmp_path)
    shuffled = timeline.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(episodes(shuffled), found, check_exact=True)
    for rules in (EpisodeRules(smoothing_s=0), EpisodeRules(minimum_s=0, lead=0, gap_s=0.2), EpisodeRules(onset=0.8)):
        with EpisodeWriter(Layout(tmp_path).episodes("a.mp4"), PROVENANCE, rules) as writer:
            for each in seen:
                writer.write(each)
        again = episodes(timeline, rules=rules)
        pd.testing.assert_frame_equal(episodes(tmp_path), again, check_exact=True)
        pd.testing.assert_frame_equal(episodes(tmp_path, rules=rules), again, check_exact=True)
        assert len(again) != len(found)


def test_an_episode_sums_up_its_rows_and_never_overlaps_another(tmp_path: Path) -> None:
    found = written(tmp_path, crowd(120))
    timeline = load(tmp_path)
    for row in found.itertuples():
        inside = timeline[(timeline["track"] == row.track) & timeline["time_s"].between(row.start_s, row.end_s, "left")]
        assert row.frames == len(inside)
        assert row.mean_probability == pytest.approx(inside[row.emotion].mean(), abs=1e-6)
        assert row.peak_s in set(inside["time_s"])
        assert 0.5 <= row.peak <= inside[row.emotion].max()
        assert row.duration_s == row.end_s - row.start_s >= 0.5 - 1e-6
    assert not (found["start_s"] < found.groupby("track")["end_s"].shift()).any()
    assert found.equals(found.sort_values(["recording", "track", "start_s"], ignore_index=True))


@pytest.mark.slow
def test_memory_depends_on_the_faces_in_view_alone() -> None:
    """One face that never leaves and changes its looks, and ten thousand that come and go."""
    finder = EpisodeFinder(EpisodeRules())
    looks = [face(happy=0.9), face(sad=0.9), face(happy=0.45, sad=0.4)]
    found, early = 0, 0
    tracemalloc.start()
    try:
        for index in range(10_000):
            # At a frame a second, one is an episode.
            faces = {1: looks[index // 50 % 3], 2 + index: looks[0]}
            found += len(finder.write(frame(index, float(index), faces)))
            # By now Python has filled its store of tuples for later use.
            if index == 4_000:
                early = tracemalloc.get_traced_memory()[0]
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert found > 9_900
    assert len(finder) < 10
    assert abs(late - early) < 50_000


def test_rules_and_timelines_that_make_no_sense_are_explained(tmp_path: Path) -> None:
    for wrong in ({"onset": 0.3}, {"offset": 0}, {"onset": 1.5}, {"smoothing_s": -1}, {"gap_s": float("nan")}):
        with pytest.raises(InputError, match=r"\.$"):
            EpisodeRules(**wrong)
    with pytest.raises(InputError, match="lead='x'"):
        EpisodeRules(lead="x")  # type: ignore[arg-type]
    written(tmp_path, crowd(20))
    timeline = load(tmp_path)
    with pytest.raises(InputError, match="no column 'fear'"):
        episodes(timeline.drop(columns="fear"))
    with pytest.raises(InputError, match="No column 'joy' in episodes"):
        episodes(timeline, ["joy"])
    for source in (timeline, tmp_path):
        with pytest.raises(InputError, match=r"no recording 'b\.mp4'"):
            episodes(source, recordings=["b.mp4"])
    with pytest.raises(InputError, match="none: no such folder; check the path"):
        episodes(tmp_path / "none")


def test_columns_and_recordings_can_be_chosen_from_both(tmp_path: Path) -> None:
    written(tmp_path, crowd(20))
    timeline = load(tmp_path)
    both = pd.concat([timeline, timeline.assign(recording="b.mp4")])
    assert episodes(both)["recording"].unique().tolist() == ["a.mp4", "b.mp4"]
    for source in (both, tmp_path):
        chosen = episodes(source, ["duration_s", "emotion"], "a.mp4")
        assert list(chosen) == ["recording", "duration_s", "emotion"]
        pd.testing.assert_frame_equal(chosen, episodes(tmp_path)[list(chosen)])
    assert list(episodes(timeline.head(0))) == list(episodes(tmp_path))


def test_recordings_from_before_there_were_episodes_are_not_left_out(tmp_path: Path) -> None:
    """Their episodes are found in the timeline when they are asked for."""
    for name in ("old.mp4", "new.mp4"):
        shutil.copy(EXAMPLE, tmp_path / name)
    fer_batch.analyze(tmp_path, output=tmp_path / "out", fps=5, end=4)
    whole = fer_batch.episodes(tmp_path / "out")
    assert set(whole["recording"]) == {"old.mp4", "new.mp4"}
    shutil.rmtree(tmp_path / "out" / "episodes" / "recording=old.mp4")
    pd.testing.assert_frame_equal(fer_batch.episodes(tmp_path / "out"), whole)
    assert set(fer_batch.episodes(tmp_path / "out", recordings=["old.mp4"])["recording"]) == {"old.mp4"}
