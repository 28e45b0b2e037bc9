"""From a trained network to an ONNX file that says itself how to be used, checked against PyTorch."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
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
from fer_batch.inference.lazy_imports import import_onnxruntime
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


_OPERATIONS = ["Conv", "Add", "Relu", "MaxPool", "AveragePool", "Concat", "Gemm"]
_BATCH = 32


def quantise(source: Path, target: Path, faces: NDArray[np.float32]) -> None:
    """Writes the 8-bit form of an exported network, without a description.

    Args:
        source: the .onnx file in float32.
        target: the file to write.
        faces: (N, 1, S, S), gray levels 0 to 255, on which the ranges of the activations are found; a few hundred.
    """
    # First, so that the library starts as discreet as everywhere.
    import_onnxruntime()
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = onnx.load(str(source)).graph.input[0].name
    batches: Iterator[NDArray[np.float32]] = iter(np.array_split(faces, max(1, len(faces) // _BATCH)))

    class Faces(CalibrationDataReader):
        """Faces whose activations set the scales."""

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(batches, None)
            return None if batch is None else {name: batch}

    with tempfile.TemporaryDirectory() as folder, whole(target) as temporary:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared))
        quantize_static(
            str(prepared),
            str(temporary),
            Faces(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=_OPERATIONS,
            nodes_to_exclude=_exact(prepared),
        )


def _exact(path: Path) -> list[str]:
    """The nodes that stay in float32.

    These are the ones before the first convolution, where faces of any exposure come in, and those whose outputs are
    the logits, which would be rounded to few values; neither costs anything.
    """
    graph = onnx.load(str(path)).graph
    first = next((i for i, node in enumerate(graph.node) if node.op_type == "Conv"), 0)
    logits = {output.name for output in graph.output}
    return [node.name for i, node in enumerate(graph.node) if i < first or logits & set(node.output)]
