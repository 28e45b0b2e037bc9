"""The made study comes out as it says that it will."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.studies.make import make_study

import fer_batch
from fer_batch.cli.main import run


@pytest.mark.slow
def test_a_laboratorys_study_is_analysed_as_far_as_it_is_sound(tmp_path: Path) -> None:
    files = {each.name: each.expected for each in make_study(tmp_path / "in", files=0)}
    assert run(["analyze", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--no-video", "--fps", "2", "-q"]) == 1
    table = fer_batch.recordings(tmp_path / "out").set_index("recording")
    assert set(table.index) == {name for name, expected in files.items() if expected != "ignored"}
    damage = table[["damaged_packets", "damaged_frames", "repaired_times"]].sum(axis=1)
    expected = table.index.map(files)
    assert set(table[expected == "good"]["status"]) == {"done"}
    assert damage[expected == "good"].sum() == 0
    assert set(table[expected == "failed"]["status"]) == {"failed"}
    assert ((table["status"] != "done") | (damage > 0))[expected == "damaged"].all()
    # A face is in every one of them.
    assert (table[expected == "good"]["tracks"] > 0).all()
