"""A recognition network's weights are taken over as they are meant."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason='needs the extra "train"')

import torch

from fer_batch.errors import InputError
from fer_batch.training import recognition_net
from fer_batch.training.recognition_net import MANIFEST, RecognitionNet, read_weights


@pytest.fixture(name="folder", scope="module")
def made_up_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in face-api's form, 8 bits and a scale a tensor."""
    folder, random = tmp_path_factory.mktemp("weights"), np.random.default_rng(2)
    entries, data = [], b""
    shapes = {"conv32_down": (7, 7, 3, 32)}
    inputs = 32
    for names, width in zip(recognition_net._STAGES, recognition_net._WIDTHS, strict=True):
        for name in names:
            shapes |= {f"{name}/conv1": (3, 3, inputs, width), f"{name}/conv2": (3, 3, width, width)}
            inputs = width
    for name, shape in shapes.items():
        for tensor, size in (
            ("conv/filters", shape),
            ("conv/bias", shape[-1:]),
            ("scale/weights", shape[-1:]),
            ("scale/biases", shape[-1:]),
        ):
            quantised = {"dtype": "uint8", "scale": 0.001, "min": -0.1}
            entries.append({"name": f"{name}/{tensor}", "shape": size, "dtype": "float32", "quantization": quantised})
            data += random.integers(0, 256, int(np.prod(size)), np.uint8).tobytes()
    (folder / "weights.bin").write_bytes(data)
    (folder / MANIFEST).write_text(json.dumps([{"paths": ["weights.bin"], "weights": entries}]), encoding="utf-8")
    return folder


def test_gray_faces_meet_the_filters_that_colour_ones_met(folder: Path) -> None:
    """Its first layer on gray is the colour layer on three equal channels, normalisation and scale included."""
    network = RecognitionNet().eval()
    network.load_recognition(folder)
    weights = read_weights(folder)
    gray = torch.rand(1, 1, 20, 20) * 255
    colour = (gray.repeat(1, 3, 1, 1) - torch.tensor(recognition_net._MEAN).view(1, 3, 1, 1)) / 256
    filters = torch.from_numpy(weights["conv32_down/conv/filters"]).permute(3, 2, 0, 1)
    plain = torch.nn.functional.conv2d(colour, filters, torch.from_numpy(weights["conv32_down/conv/bias"]), 2)
    scale, bias = (torch.from_numpy(weights[f"conv32_down/scale/{name}"]) for name in ("weights", "biases"))
    expected = plain * scale.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
    torch.testing.assert_close(network.stem(gray), expected, atol=1e-4, rtol=1e-3)


def test_every_convolution_is_taken_over_and_the_first_ones_stay(folder: Path) -> None:
    network = RecognitionNet()
    before = copy.deepcopy(network.state_dict())
    network.load_recognition(folder)
    after = network.state_dict()
    trunk = [name for name in after if name.startswith(("stem", "stages"))]
    assert len(trunk) == 2 * 21
    assert not [name for name in trunk if torch.equal(before[name], after[name])]
    weights = read_weights(folder)
    for name, place in (("conv64_2/conv1", "stages.1.2.first"), ("conv128_down/conv2", "stages.2.0.second")):
        expected = weights[f"{name}/conv/filters"].transpose(3, 2, 0, 1)
        expected = expected * weights[f"{name}/scale/weights"][:, None, None, None]
        np.testing.assert_allclose(after[f"{place}.conv.weight"].numpy(), expected, rtol=1e-5)
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    assert not [name for name in learning if name.startswith(("stem", "stages.0"))]
    assert [name for name in learning if name.startswith("stages.2")]


@pytest.mark.parametrize("damage", ["nothing", "half"])
def test_weights_that_are_not_there_are_asked_for_in_one_sentence(folder: Path, tmp_path: Path, damage: str) -> None:
    if damage == "half":
        (tmp_path / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
        (tmp_path / "weights.bin").write_bytes((folder / "weights.bin").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"holds no face recognition weights .*@vladmandic/face-api"):
        read_weights(tmp_path)
