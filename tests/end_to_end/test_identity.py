"""Who is who in a recording: tracks and persons of made videos with two people, analysed as users do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.tracking.catalogue import scenes
from benchmarks.tracking.composition import Scene
from benchmarks.tracking.cutouts import Cutout, cast, overlap
from benchmarks.tracking.footage import Truth, write_scene
from benchmarks.tracking.photographs import example_people

import fer_batch
from fer_batch.detection.yunet import YuNet

Analysed = tuple[Scene, pd.DataFrame, pd.DataFrame]
"""The scene, its timeline with a column ``who`` (None where the face is nobody's), and its tracks."""


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with closing(YuNet()) as detector:
        return cast(example_people(), 2, detector.detect)


@pytest.fixture
def analysed(people: list[Cutout], tmp_path: Path) -> Callable[..., Analysed]:
    def analyse(name: str, **options: object) -> Analysed:
        (scene,) = scenes(people, [name], [25])
        truth = write_scene(scene, tmp_path / "scene.mp4")
        fer_batch.analyze(tmp_path / "scene.mp4", output=tmp_path / "out", **options)  # type: ignore[arg-type]
        timeline = fer_batch.load(tmp_path / "out")
        return scene, timeline.assign(who=_owners(timeline, truth)), fer_batch.tracks(tmp_path / "out")

    return analyse


def _owners(timeline: pd.DataFrame, truth: Truth) -> list[str | None]:
    owners: list[str | None] = []
    for row in timeline.itertuples():
        box = np.array([row.x, row.y, row.width, row.height])
        best = max(truth[row.frame], key=lambda face: overlap(box, np.array(face.box)), default=None)
        near = best is not None and overlap(box, np.array(best.box)) >= 0.5 and best.visible >= 0.7
        owners.append(best.identity if best is not None and near else None)
    return owners


@pytest.mark.slow
@pytest.mark.parametrize("name", ["passing", "meeting", "crossing-speeds", "overtaking"])
def test_people_who_cross_keep_their_tracks(name: str, analysed: Callable[..., Analysed]) -> None:
    """Two faces of one size, one hidden by the other for a time: one track each, from the first frame to the last."""
    _, timeline, tracks = analysed(name)
    assert {who: set(rows.track) for who, rows in timeline.dropna(subset="who").groupby("who")} in (
        {"woman": {1}, "astronaut": {2}},
        {"woman": {2}, "astronaut": {1}},
    )
    assert sorted(tracks.person) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("persons", [True, False])
def test_no_track_goes_over_a_cut(persons: bool, analysed: Callable[..., Analysed]) -> None:
    """The other one at the same place, three times: four tracks. The persons are two, if they are wanted."""
    scene, timeline, tracks = analysed("cut-back", persons=persons)
    shots = np.searchsorted(scene.cuts, timeline.time_s + 1e-6)
    assert timeline.groupby("track").apply(lambda rows: set(shots[rows.index])).tolist() == [{0}, {1}, {2}, {3}]
    assert timeline.groupby("track").who.agg(lambda who: Counter(who.dropna()).most_common(1)[0][0]).nunique() == 2
    assert tracks.person.isna().all() != persons
    assert not persons or tracks.person.tolist() == [1, 2, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dissolve", "flash"])
def test_neither_a_dissolve_nor_a_flash_ends_a_track(name: str, analysed: Callable[..., Analysed]) -> None:
    _, timeline, _ = analysed(name)
    assert not timeline.duplicated(["frame", "track"]).any()
    assert {who: rows.track.nunique() for who, rows in timeline.dropna(subset="who").groupby("who")} == {
        "woman": 1,
        "astronaut": 1,
    }


@pytest.mark.slow
def test_who_leaves_and_comes_back_goes_on_in_the_same_track(analysed: Callable[..., Analysed]) -> None:
    """Two seconds out of the picture; and three seconds behind a board."""
    _, timeline, _ = analysed("leaving")
    assert timeline.dropna(subset="who").groupby("who").track.nunique().to_dict() == {"woman": 1, "astronaut": 1}
    _, timeline, _ = analysed("hidden-3", overwrite=True)
    assert timeline.track.unique().tolist() == [1]


@pytest.mark.slow
def test_who_comes_in_anothers_stead_is_another(analysed: Callable[..., Analysed]) -> None:
    """Half a second after one left, at the same place."""
    _, timeline, tracks = analysed("replaced")
    owners = timeline.dropna(subset="who").groupby("track").who.unique()
    assert [len(who) for who in owners] == [1, 1]
    assert tracks.person.nunique() == 2
