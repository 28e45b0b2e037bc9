"""From a trained network to an ONNX file that says itself how to be used, checked against PyTorch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.classification.model_spec import FER2013_HEAD, MAIN_HEAD, METADATA_KEY, ModelSpec
from fer_batch.errors import ModelError
from fer_batch.filesystem.atomic import whole
from fer_batch.training.emotion_net import EmotionNet
from fer_batch.training.recognition_net import RecognitionNet

_TOLERANCE = 1e-3
"""Largest difference of a logit between PyTorch and ONNX Runtime."""
_OPSET = 17


def export(network: EmotionNet | RecognitionNet, path: Path, spec: ModelSpec, training: dict[str, Any]) -> None:
    """Writes the network with its metadata; the file appears once it gave PyTorch's answers to random noise.

    The emotion head is the output ``logits``. The auxiliary head is written, as the output ``fer2013``, when the
    description names it.

    Args:
        network: on any device.
        path: the .onnx file to write.
        spec: how it is to be used; its labels are ``EMOTIONS``, its heads none or ``FER2013_HEAD``.
        training: free facts about the training, kept in the metadata.

    Raises:
        ModelError: when ONNX Runtime's logits differ from PyTorch's.
    """
    network = network.cpu().eval()
    # The exporter leaves its argument in the mode that it found it in, with all that is inside.
    written = _BothHeads(network).eval() if spec.heads else network
    example = torch.zeros(1, 1, spec.geometry.size, spec.geometry.size)
    outputs = ["logits", *(head.name for head in spec.heads)]
    assert outputs in (["logits"], ["logits", FER2013_HEAD]), "the network has these two heads"
    with whole(path) as temporary:
        with warnings.catch_warnings():
            # About the exporter that replaces this one and needs a package more, and about folding that it leaves out.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                written,
                (example,),
                str(temporary),
                input_names=["faces"],
                output_names=outputs,
                dynamic_axes={name: {0: "n"} for name in ("faces", *outputs)},
                opset_version=_OPSET,
                dynamo=False,
            )
        describe(temporary, spec, training)
        _compare(network, temporary, spec)


def describe(path: Path, spec: ModelSpec, training: dict[str, Any]) -> None:
    """Puts the description into an .onnx file's metadata, in place of one that it may have."""
    model = onnx.load(str(path))
    others = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(others)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps({**spec.to_dict(), **training})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class _BothHeads(nn.Module):
    """The network with both heads for its outputs: the exporter writes what ``forward`` gives."""

    def __init__(self, network: EmotionNet | RecognitionNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the emotion head and of the auxiliary head, each (N, 7), of faces (N, 1, S, S)."""
        return self.network.both_heads(faces)


def _compare(network: EmotionNet | RecognitionNet, path: Path, spec: ModelSpec) -> None:
    random, size = np.random.default_rng(0), spec.geometry.size
    faces: NDArray[np.uint8] = random.integers(0, 256, (8, size, size), np.uint8)
    pictures = torch.from_numpy(faces)[:, None].float()
    with torch.no_grad():
        plain, mirrored = network.both_heads(pictures), network.both_heads(pictures.flip(3))
    for place, head in enumerate((MAIN_HEAD, *(head.name for head in spec.heads))):
        expected = ((plain[place] + mirrored[place]) / 2 if spec.mirror else plain[place]).numpy()
        difference = float(np.abs(expected - EmotionClassifier(str(path), head=head).logits(faces)).max())
        if difference > _TOLERANCE:
            raise ModelError(
                f"ONNX Runtime differs from PyTorch by {difference:.2g} in the head {head}; "
                "the network was not exported."
            )
