"""The face recognition network that ships, made from dlib's weights.

The network is dlib's ``dlib_face_recognition_resnet_model_v1`` (King 2017, weights in the public domain), 29
convolutions in residual blocks whose batch normalisations are folded into scales, in the form in which face-api
publishes it (see :mod:`fer_batch.training.recognition_net`). Its colour filters are summed to one channel, since the
decoder's luma is there for nothing and loses nothing (see the model's card), and it is written in 8 bits.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_batch.config import Detector
from fer_batch.errors import InputError
from fer_batch.evaluation.datasets import detected_crops, read_faces
from fer_batch.faces.embedding import GEOMETRY
from fer_batch.training.onnx_export import quantise
from fer_batch.training.recognition_net import Block, Convolution, read_weights

_BLOCKS = (
    ("conv32_1", "conv32_2", "conv32_3"),
    ("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    ("conv128_down", "conv128_1", "conv128_2"),
    ("conv256_down", "conv256_1", "conv256_2"),
    ("conv256_down_out",),
)
_WIDTHS = (32, 64, 128, 256, 256)
_CALIBRATION = 256
"""Photographs on whose faces the ranges of the activations are found."""
_OPSET = 17


class _Padded(Block):
    """A block in which the convolutions' side, a pixel smaller going down, is padded with zeros, as in dlib.

    The blocks of the teacher crop the shortcut instead: it learns on from there, these weights do not.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) to (N, outputs, H', W')."""
        y = self.second(functional.relu(self.first(x)))
        if self.down:
            x = functional.avg_pool2d(x, 2, 2)
            x = functional.pad(x, (0, 0, 0, 0, 0, self.more))
            y = functional.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return functional.relu(x + y)


class EmbeddingNet(nn.Module):
    """Gray faces (N, 1, 150, 150), float32 gray levels 0 to 255, to embeddings (N, 128).

    Args:
        weights: every tensor of the published network, by name.
    """

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        super().__init__()
        self.stem = Convolution(1, 32, kernel=7, stride=2, padding=0)
        self.stem.load(weights, "conv32_down", gray=True)
        blocks, inputs = [], 32
        for names, width in zip(_BLOCKS, _WIDTHS, strict=True):
            for name in names:
                block = _Padded(inputs, width, "down" in name)
                block.first.load(weights, f"{name}/conv1")
                block.second.load(weights, f"{name}/conv2")
                blocks.append(block)
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(inputs, 128, bias=False)
        with torch.no_grad():
            self.last.weight.copy_(torch.from_numpy(weights["fc"]).T)

    def forward(self, faces: Tensor) -> Tensor:
        """Embeddings of the faces."""
        x = functional.max_pool2d(functional.relu(self.stem(faces)), 3, 2)
        return self.last(self.blocks(x).mean((2, 3)))


def write(weights: Path, photographs: Path, target: Path) -> None:
    """Writes the network as an .onnx file in 8 bits.

    Args:
        weights: the folder of face-api's ``face_recognition_model``.
        photographs: a data set as for ``fer-batch evaluate``; its labels are not used.
        target: the file to write.

    Raises:
        InputError: when weights or photographs cannot be read.
    """
    try:
        network = EmbeddingNet(read_weights(weights)).eval()
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{weights}: its weights are of another network ({error}).") from error
    data = read_faces(photographs)
    found = (crop for _, crop in detected_crops(data, np.arange(len(data)), GEOMETRY, Detector.auto))
    faces = list(islice((crop for crop in found if crop is not None and len(crop)), _CALIBRATION))
    if not faces:
        raise InputError(f"{photographs}: no face was found in its photographs.")
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        side = GEOMETRY.size
        with warnings.catch_warnings():
            # About the exporter that replaces this one and needs a package more, and about sizes that are fixed.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (torch.zeros(1, 1, side, side),),
                str(exact),
                input_names=["faces"],
                output_names=["embeddings"],
                dynamic_axes={"faces": {0: "n"}, "embeddings": {0: "n"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        quantise(exact, target, np.stack(faces)[:, None].astype(np.float32))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path, help="folder with face_recognition_model-weights_manifest.json")
    parser.add_argument("photographs", type=Path, help="data set on which the 8-bit form is calibrated")
    parser.add_argument("target", type=Path, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    try:
        write(options.weights, options.photographs, options.target)
    except InputError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
