"""From a trained network to an ONNX file that says itself how to be used, checked against PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from fer_batch.atomic import whole
from fer_batch.emotion.classifier import EmotionClassifier
from fer_batch.emotion.spec import METADATA_KEY, ModelSpec
from fer_batch.errors import ModelError
from fer_batch.training.network import EmotionNet
from fer_batch.training.recognition import RecognitionNet

_TOLERANCE = 1e-3
"""Largest difference of a logit between PyTorch and ONNX Runtime."""
_OPSET = 17


def export(network: EmotionNet | RecognitionNet, path: Path, spec: ModelSpec, training: dict[str, Any]) -> None:
    """Writes the emotion head with its metadata; the file appears once it gave PyTorch's answers to random noise.

    Args:
        network: on any device.
        path: the .onnx file to write.
        spec: how it is to be used; its labels are ``EMOTIONS``.
        training: free facts about the training, kept in the metadata.

    Raises:
        ModelError: when ONNX Runtime's logits differ from PyTorch's.
    """
    network = network.cpu().eval()
    example = torch.zeros(1, 1, spec.geometry.size, spec.geometry.size)
    with whole(path) as temporary:
        torch.onnx.export(
            network,
            (example,),
            str(temporary),
            input_names=["faces"],
            output_names=["logits"],
            dynamic_axes={"faces": {0: "n"}, "logits": {0: "n"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        model = onnx.load(str(temporary))
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, json.dumps({**spec.to_dict(), **training})
        onnx.checker.check_model(model)
        onnx.save(model, str(temporary))
        _compare(network, temporary, spec)


def _compare(network: EmotionNet | RecognitionNet, path: Path, spec: ModelSpec) -> None:
    random, size = np.random.default_rng(0), spec.geometry.size
    faces: NDArray[np.uint8] = random.integers(0, 256, (8, size, size), np.uint8)
    pictures = torch.from_numpy(faces)[:, None].float()
    with torch.no_grad():
        logits = network(pictures)
        expected = ((logits + network(pictures.flip(3))) / 2 if spec.mirror else logits).numpy()
    difference = float(np.abs(expected - EmotionClassifier(str(path)).logits(faces)).max())
    if difference > _TOLERANCE:
        raise ModelError(f"ONNX Runtime differs from PyTorch by {difference:.2g}; the network was not exported.")
