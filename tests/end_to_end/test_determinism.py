"""The same recording gives the same timeline, however it is worked through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.command import Run

import fer_batch
from fer_batch import EMOTIONS


@pytest.mark.slow
def test_two_runs_write_the_same_bytes(
    example: Run, analyze_by_script: Callable[..., Run], clip: Path, tmp_path: Path
) -> None:
    """With and without annotated video, that is, with the stages at quite different paces."""
    again = analyze_by_script(clip, tmp_path / "out", "--no-video")
    for table in ("timelines", "tracks", "episodes"):
        (first,), (second,) = ((run.out / table).glob("*/*.parquet") for run in (example, again))
        assert first.read_bytes() == second.read_bytes()


def test_batch_size_changes_nothing_but_the_last_digits(example: Run, clip: Path) -> None:
    many, one = fer_batch.load(example.out), fer_batch.analyze(clip, batch_size=1)
    varying = [*EMOTIONS, "confidence"]
    pd.testing.assert_frame_equal(one.drop(columns=varying), many.drop(columns=varying), check_exact=True)
    np.testing.assert_allclose(one[varying], many[varying], rtol=0, atol=1e-5)
