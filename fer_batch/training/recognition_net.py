"""A teacher that starts from a face recognition network: faces seen by the million help where votes are few.

The trunk is the first 21 of the 29 convolutions of dlib's face recognition network (King 2017, weights in the public
domain), a residual network whose batch normalisations are already folded into scales; the later ones tell people apart
and add nothing about expressions (probes on FER+ gain nothing from them). Its weights come as face-api's
``face_recognition_model`` files (npm package ``@vladmandic/face-api``, folder ``model``): a JSON manifest of names,
shapes and quantisation beside one binary file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_batch.errors import InputError
from fer_batch.training.emotion_net import Standardise

MANIFEST = "face_recognition_model-weights_manifest.json"
_MEAN = (122.782, 117.001, 104.298)
"""Mean red, green and blue that the trunk subtracts before it divides by 256."""
_STAGES = (
    ("conv32_1", "conv32_2", "conv32_3"),
    ("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    ("conv128_down", "conv128_1", "conv128_2"),
)
_WIDTHS = (32, 64, 128)
_REMEDY = "unpack npm's @vladmandic/face-api and give its folder model."
_SIDE = 112
"""Pixels that faces are enlarged to: the trunk was trained at 150, the features that matter here survive 112."""
_GRID = 5
"""Side of the last stage's features at that size."""


class Convolution(nn.Module):
    """A convolution with bias, the trunk's scales folded in."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) to (N, outputs, H', W')."""
        return self.conv(x)

    def load(self, weights: dict[str, NDArray[np.float32]], name: str, *, gray: bool = False) -> None:
        """Takes over one convolution; ``gray`` sums a colour filter to one channel, normalisation folded in."""
        filters = torch.from_numpy(weights[f"{name}/conv/filters"]).permute(3, 2, 0, 1)
        bias = torch.from_numpy(weights[f"{name}/conv/bias"])
        if gray:
            bias = bias - (filters.sum((2, 3)) * torch.tensor(_MEAN) / 256).sum(1)
            filters = filters.sum(1, keepdim=True) / 256
        scale = torch.from_numpy(weights[f"{name}/scale/weights"])
        with torch.no_grad():
            self.conv.weight.copy_(filters * scale[:, None, None, None])
            assert self.conv.bias is not None
            self.conv.bias.copy_(bias * scale + torch.from_numpy(weights[f"{name}/scale/biases"]))


class Block(nn.Module):
    """Two convolutions around a shortcut.

    Going down, the shortcut is averaged, cropped where the convolution gives a pixel less, and padded with channels
    of zeros.
    """

    def __init__(self, inputs: int, outputs: int, down: bool) -> None:
        super().__init__()
        self.down, self.more = down, outputs - inputs
        self.first = Convolution(inputs, outputs, stride=2 if down else 1, padding=0 if down else 1)
        self.second = Convolution(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) to (N, outputs, H', W')."""
        y = self.second(functional.relu(self.first(x)))
        if self.down:
            x = functional.avg_pool2d(x, 2, 2)[:, :, : y.shape[2], : y.shape[3]]
            x = functional.pad(x, (0, 0, 0, 0, 0, self.more))
        return functional.relu(x + y)


class RecognitionNet(nn.Module):
    """Gray faces (N, 1, 48, 48), float32 gray levels 0 to 255, to emotion logits (N, 7), by a recognition trunk.

    Two heads as in :class:`fer_batch.training.emotion_net.EmotionNet`.
    """

    def __init__(self, classes: int = 7, dropout: float = 0.3) -> None:
        super().__init__()
        self.standardise = Standardise()
        self.stem = Convolution(1, 32, kernel=7, stride=2, padding=0)
        inputs = 32
        stages = []
        for names, width in zip(_STAGES, _WIDTHS, strict=True):
            blocks = []
            for name in names:
                blocks.append(Block(inputs, width, name.endswith("down")))
                inputs = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        features = _WIDTHS[-1] * _GRID**2
        self.neck = nn.Sequential(
            nn.BatchNorm1d(features), nn.Dropout(dropout), nn.Linear(features, 256), nn.BatchNorm1d(256), nn.ReLU()
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(256, classes)
        self.auxiliary_head = nn.Linear(256, classes)
        for frozen in (self.stem, self.stages[0]):
            frozen.requires_grad_(False)

    def embed(self, faces: Tensor) -> Tensor:
        """Features (N, 256) of the faces."""
        # The trunk expects exposure as it is in photographs: mean 110, deviation 50.
        x = self.standardise(faces) * 50 + 110
        x = functional.interpolate(x, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2)
        for stage in self.stages:
            x = stage(x)
        return self.neck(x.flatten(1))

    def forward(self, faces: Tensor) -> Tensor:
        """Emotion logits (N, 7) of faces (N, 1, 48, 48), gray levels 0 to 255."""
        return self.head(self.dropout(self.embed(faces)))

    def both_heads(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the emotion head and of the auxiliary head, each (N, 7)."""
        features = self.dropout(self.embed(faces))
        return self.head(features), self.auxiliary_head(features)

    def trunk(self) -> list[nn.Parameter]:
        """The pretrained parameters that training changes, which want a lower learning rate."""
        return [p for p in self.stages.parameters() if p.requires_grad]

    def load_recognition(self, folder: Path) -> None:
        """Takes over the recognition network's weights.

        Raises:
            InputError: when the folder does not hold them.
        """
        weights = read_weights(folder)
        try:
            self.stem.load(weights, "conv32_down", gray=True)
            for names, stage in zip(_STAGES, self.stages, strict=True):
                for name, block in zip(names, stage, strict=True):
                    block.first.load(weights, f"{name}/conv1")
                    block.second.load(weights, f"{name}/conv2")
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{folder}: its weights are of another network ({error}); {_REMEDY}") from error


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Every tensor of face-api's ``face_recognition_model``, restored from its 8-bit form.

    Raises:
        InputError: when the folder does not hold it.
    """
    try:
        (group,) = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        data = b"".join((folder / name).read_bytes() for name in group["paths"])
        tensors: dict[str, NDArray[np.float32]] = {}
        offset = 0
        for entry in group["weights"]:
            tensors[entry["name"]], offset = _tensor(entry, data, offset)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: holds no face recognition weights ({error}); {_REMEDY}") from error
    return tensors


def _tensor(entry: dict[str, Any], data: bytes, offset: int) -> tuple[NDArray[np.float32], int]:
    count = int(np.prod(entry["shape"]))
    quantised = entry.get("quantization")
    stored = np.dtype(quantised["dtype"] if quantised else entry["dtype"])
    values = np.frombuffer(data, stored, count, offset).astype(np.float32)
    if quantised:
        values = values * np.float32(quantised["scale"]) + np.float32(quantised["min"])
    return values.reshape(entry["shape"]), offset + count * stored.itemsize
