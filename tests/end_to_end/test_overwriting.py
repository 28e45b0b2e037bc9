"""Replacing results: the new ones take the old ones' place when they are whole, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

import fer_batch
from fer_batch.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "WolfgangLanger_Pexels.mp4"


def test_results_are_replaced_and_what_is_no_longer_asked_for_goes(tmp_path: Path) -> None:
    fer_batch.analyze(EXAMPLE, output=tmp_path, timeline="both", video=True, end_s=0.3)
    assert list(tmp_path.rglob("*.csv"))
    before = fer_batch.load(tmp_path)

    after = fer_batch.analyze(EXAMPLE, output=tmp_path, overwrite=True, end_s=0.6)

    assert len(after) > len(before)
    assert not list(tmp_path.rglob("*.csv"))
    assert not list((tmp_path / "annotated").rglob("*.mp4"))


def test_a_run_that_fails_leaves_the_former_results(tmp_path: Path) -> None:
    before = fer_batch.analyze(EXAMPLE, output=tmp_path, end_s=0.3)

    with pytest.raises(InputError):
        fer_batch.analyze(EXAMPLE, output=tmp_path, overwrite=True, start_s=1000)

    assert fer_batch.load(tmp_path).equals(before)
