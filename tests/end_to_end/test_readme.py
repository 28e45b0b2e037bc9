"""What the README and the examples do with a study does work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT

import fer_batch
from fer_batch.results.layout import Layout
from fer_batch.results.schema import Provenance
from fer_batch.results.timeline_writers import TimelineWriter
from fer_batch.types import Faces, Observation


def study(out: Path, recordings: list[str]) -> None:
    rng = np.random.default_rng(0)
    for recording in recordings:
        with TimelineWriter(Layout(out).timeline(recording), Provenance({}, "none", "")) as writer:
            for frame in range(50):
                faces = Faces(
                    rng.uniform(0, 100, (2, 4)).astype(np.float32),
                    np.zeros((2, 6, 2), np.float32),
                    np.ones(2, np.float32),
                    np.array([1, 2], np.int32),
                    rng.random(2) < 0.2,
                )
                probabilities = rng.dirichlet(np.ones(7), 2).astype(np.float32)
                poses, sharpness = np.zeros((2, 3), np.float32), np.ones(2, np.float32)
                writer.write(Observation(frame, frame / 25, faces, probabilities, None, poses, sharpness))


def test_the_query_in_the_readme_agrees_with_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study(tmp_path / "study", ["1", "02", "a b%/c=d.mp4"])
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    found = duckdb.sql(query).df()
    df = fer_batch.load("study")
    groups = df[~df["interpolated"]].groupby(["recording", "track"])["happy"]
    expected = groups.agg(faces="count", happy="mean").reset_index()
    assert found[["recording", "track", "faces"]].values.tolist() == expected.iloc[:, :3].values.tolist()
    pd.testing.assert_series_equal(found["happy"], expected["happy"], check_dtype=False, atol=6e-4, rtol=0)


@pytest.mark.slow
def test_the_questions_of_the_examples_are_answered(tmp_path: Path) -> None:
    clip = ROOT / "examples" / "WolfgangLanger_Pexels.mp4"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    out = tmp_path / "out"
    fer_batch.analyze(clip, output=out, fps=4)
    with pytest.raises(fer_batch.InputError):
        fer_batch.analyze(broken, output=out)
    command = [sys.executable, str(ROOT / "examples" / "questions.py"), str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"Smiles\n.*\n *WolfgangLanger_Pexels.mp4 +1 +(9|1\d)\.", said)
    first, *_, last = re.findall(r"^ *\d+\.0+ +(\d\.\d+) +1$", said, re.MULTILINE)
    assert float(first) < 0.2
    assert float(last) > 0.8
    assert re.search(r"To look at\nbroken.mp4: not done", said)
    assert "WolfgangLanger_Pexels.mp4:" not in said
