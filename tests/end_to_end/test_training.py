"""From labelled pictures on disk to a network of one's own to a timeline, by the command line alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason='needs the extra "train"')
pytest.importorskip("onnx", reason='needs the extra "train"')

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.emotions import EMOTIONS


def faces_of_two_kinds(folder: Path) -> Path:
    """Bright mouths are happy, dark ones sad: something that a few steps can learn."""
    random = np.random.default_rng(1)
    for split, count in (("train", 48), ("valid", 12)):
        for emotion, level in (("happy", 230), ("sad", 20)):
            (folder / split / emotion).mkdir(parents=True)
            for number in range(count):
                face = random.normal(120, 8, (48, 48))
                face[32:42, 10:38] = level
                cv2.imwrite(str(folder / split / emotion / f"{number}.png"), face.clip(0, 255).astype(np.uint8))
    return folder


@pytest.mark.slow
def test_a_network_is_trained_resumed_and_used_on_a_recording(script: Path, clip: Path, tmp_path: Path) -> None:
    def fer_batch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(script), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CI": "true"})

    data, out = faces_of_two_kinds(tmp_path / "faces"), tmp_path / "training"
    options = ("--batch", "8", "--threads", "2", "--no-mirror", "--balance", "0.5")
    done = fer_batch("train", data, "-o", out, "--epochs", "2", *options)
    assert done.returncode == 0, done.stderr
    said = [line.split(": ")[0] for line in done.stdout.splitlines()]
    assert said == [str(out / "model.onnx"), str(out / "model_int8.onnx")]
    assert "epoch 1/2: loss" in done.stderr
    assert "epoch 2/2: loss" in done.stderr
    assert "`model_int8.onnx`, validation: accuracy" in (out / "model.md").read_text(encoding="utf-8")
    before = EmotionClassifier(str(out / "model.onnx"))
    assert before.spec.labels == EMOTIONS

    # A training that is over exports again, and nothing else.
    for path in out.glob("model*"):
        path.unlink()
    done = fer_batch("train", data, "-o", out, "--epochs", "2", *options, "--resume")
    assert done.returncode == 0, done.stderr
    assert "epoch" not in done.stderr
    assert EmotionClassifier(str(out / "model.onnx")).sha256 == before.sha256

    results = tmp_path / "results"
    small = out / "model_int8.onnx"
    done = fer_batch("analyze", clip, "-o", results, "--model", small, "--no-video", "--every", "20")
    assert done.returncode == 0, done.stderr
    timeline = pd.read_parquet(results / "timelines")
    assert len(timeline) >= 20
    np.testing.assert_allclose(timeline[list(EMOTIONS)].sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_a_teacher_says_what_it_starts_from(script: Path, tmp_path: Path) -> None:
    command = [str(script), "train", str(faces_of_two_kinds(tmp_path / "faces")), "--network", "recognition"]
    for more, said in (
        ((), "--network recognition: needs pretrained, the folder of the weights that it starts from."),
        (("--pretrained", str(tmp_path)), f"{tmp_path}: holds no face recognition weights"),
    ):
        done = subprocess.run(
            [*command, "-o", str(tmp_path / "out"), *more], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
