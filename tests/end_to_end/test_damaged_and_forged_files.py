"""Whatever a file holds, the others are analysed as if it were not there, and its record says what became of it.

One file of each kind is tried every time; ``pytest -m slow tests/robustness`` tries many more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.robustness.checking import Good, assert_harmless, undisturbed
from helpers.robustness.containers import Change, Sample, drawn, intact_files
from helpers.robustness.crafted import crafted_files
from helpers.robustness.damage import damages
from helpers.robustness.forgery import forgeries

_FEW, _MANY = 4, 12
"""Runs, each on a part of the samples."""


@pytest.fixture(scope="module", name="intact")
def _intact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return intact_files(tmp_path_factory.mktemp("intact"))


@pytest.fixture(scope="module", name="changes")
def _changes(intact: dict[str, bytes]) -> dict[str, Change]:
    return {**damages(intact), **forgeries()}


@pytest.fixture(scope="module", name="one_of_each")
def _one_of_each(
    intact: dict[str, bytes], changes: dict[str, Change], tmp_path_factory: pytest.TempPathFactory
) -> list[Sample]:
    crafted = crafted_files(tmp_path_factory.mktemp("crafted"))
    return drawn(intact, changes, crafted, seed=20, count=len(crafted) + len(changes))


@pytest.fixture(scope="module", name="many")
def _many(intact: dict[str, bytes], changes: dict[str, Change]) -> list[Sample]:
    return drawn(intact, changes, {}, seed=18, count=300)


@pytest.fixture(scope="module", name="good")
def _good(intact: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Good:
    files = {"0 first.mp4": intact["h264.mp4"], "z last.jpg": intact["exif.jpg"]}
    good = undisturbed(files, tmp_path_factory.mktemp("good") / "alone")
    assert all(rows[0].num_rows for rows in good.rows.values()), "each shows a face"
    return good


@pytest.mark.slow
def test_every_kind_of_change_is_among_the_samples(one_of_each: list[Sample], changes: dict[str, Change]) -> None:
    assert {sample.change for sample in one_of_each} == {*changes, "crafted"}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_FEW))
def test_one_of_each_kind_harms_no_other(one_of_each: Sequence[Sample], good: Good, part: int, tmp_path: Path) -> None:
    assert_harmless(one_of_each[part::_FEW], good, tmp_path, video=part % 2 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_MANY))
def test_many_of_each_kind_harm_no_other(many: Sequence[Sample], good: Good, part: int, tmp_path: Path) -> None:
    assert_harmless(many[part::_MANY], good, tmp_path, video=part % 2 == 0)
