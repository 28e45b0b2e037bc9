"""Whatever a model's description or a file of settings holds, it is used as it says or refused by one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest
from helpers.robustness.descriptions import descriptions, settings

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.cli.main import run
from fer_batch.errors import ExitStatus, ModelError
from fer_batch.inference.registry import model_path

_COUNTS = [pytest.param(25, id="few"), pytest.param(300, id="many", marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize("count", _COUNTS)
def test_a_model_is_refused_or_gives_probabilities(count: int, tmp_path: Path) -> None:
    model = Path(shutil.copy(model_path("emotion-gray48"), tmp_path / "own.onnx"))
    wrong = []
    for what, description in descriptions(Random(5), count):
        model.with_suffix(".json").write_bytes(description)
        if (answer := _answer(model)) not in ("refused", "probabilities"):
            wrong.append(f"{what}: {answer}")
    assert not wrong, "\n".join(wrong)


def _answer(model: Path) -> str:
    """What a model does with faces."""
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    try:
        sums = EmotionClassifier(str(model)).classify(faces).sum(1)
    except ModelError as error:
        return "refused" if f"{model.parent}/{model.stem}." in str(error) else f"refused without a name: {error}"
    except Exception as error:
        return repr(error)
    return "probabilities" if np.allclose(sums, 1, atol=1e-5) else f"numbers that sum to {sums}"


@pytest.mark.slow
@pytest.mark.parametrize("count", _COUNTS)
def test_settings_are_refused_by_a_sentence(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file, wrong = tmp_path / "settings.toml", []
    for what, text in settings(Random(5), count):
        file.write_bytes(text)
        status = run(["analyze", "--config", file.name, "--dry-run"])
        told = capsys.readouterr().err
        if status != ExitStatus.USAGE or not told.startswith("Error: ") or told.count("\n") != 1:
            wrong.append(f"{what}: status {status}: {told}")
    assert not wrong, "\n".join(wrong)
    assert [path.name for path in tmp_path.iterdir()] == [file.name], "nothing else is written"
