"""A graphics card is used where there is one that suits the model, and never asked for in vain."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import ASTRONAUT

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.cli.main import run
from fer_batch.config import Device
from fer_batch.errors import ModelError
from fer_batch.inference.onnx_runtime import CPU, CUDA, is_eight_bit, providers, used
from fer_batch.inference.registry import model_path

CARD = ["TensorrtExecutionProvider", CUDA, CPU]


@pytest.mark.parametrize(
    ("device", "available", "eight_bit", "first"),
    [
        ("auto", CARD, False, CUDA),
        ("auto", CARD, True, CPU),
        ("auto", [CPU], False, CPU),
        ("cpu", CARD, False, CPU),
        ("cuda", CARD, True, CUDA),
    ],
)
def test_the_first_choice(device: str, available: list[str], eight_bit: bool, first: str) -> None:
    chosen = providers(device, available, eight_bit=eight_bit)
    assert (chosen[0] if isinstance(chosen[0], str) else chosen[0][0]) == first
    assert chosen[-1] == CPU, "what a card cannot do, the processor does"


def test_a_card_that_is_not_there_or_cannot_be_used_is_one_sentence() -> None:
    with pytest.raises(ModelError, match="has no CUDA here; install onnxruntime-gpu"):
        providers("cuda", [CPU], eight_bit=False)
    with pytest.raises(ModelError, match="cannot use the graphics card"):
        used("cuda", [CPU])
    assert used("auto", [CPU]) is Device.cpu
    assert used("auto", [CUDA, CPU]) is Device.cuda


def test_the_model_that_ships_runs_on_the_processor() -> None:
    assert is_eight_bit(model_path("emotion-gray48").read_bytes())
    assert EmotionClassifier().device is Device.cpu
    assert not is_eight_bit(b"Conv Relu Gemm")


def test_without_a_card_the_command_says_so_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("there is a card here")
    assert run(["analyze", str(tmp_path), "--device", "gpu"]) == 2
    assert run(["analyze", str(ASTRONAUT), "-o", str(tmp_path / "out"), "--device", "cuda"]) != 0
    assert "ONNX Runtime has no CUDA here" in capsys.readouterr().err
