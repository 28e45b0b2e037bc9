"""The keypoint network that ships, taught by MediaPipe: ``python -m fer_batch.training.keypoint_net --help``.

The network sees a face in the square in which it is found and places MediaPipe's six keypoints. It learns them from
what MediaPipe's detector sees in upright pictures of faces (knowledge distillation, Hinton et al. 2015), turned, moved,
scaled, blurred and partly hidden, so that it follows heads that are tilted.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_batch.detection.keypoint_network import INPUT, MARGIN, OUTPUT, SIDE
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.errors import InputError
from fer_batch.evaluation.datasets import read_faces
from fer_batch.filesystem.atomic import whole
from fer_batch.types import KEYPOINTS

_PICTURE = 112
"""Side in pixels of the pictures that are learnt from."""
_TEACHER_SIDE = 448
"""Longer side in pixels of what MediaPipe sees: a picture with half its side added all around."""
_TEACHER_SCORE = 0.6
_MIRRORED = (1, 0, 2, 3, 5, 4)
_RADII = 5.05 * MARGIN
"""Side of the square in radii of the face, the root mean square distance of eyes, nose and mouth from their centre:
median of YuNet's boxes over 848 faces; 90 in 100 lie between 4.4 and 5.6."""
_LOWER = -0.03
"""By how much of its side the square's centre is lower than that of eyes, nose and mouth (negative: higher)."""
_BATCH = 128
_RATE = 4e-3
_EMA = 0.998
_SMOOTH = 0.02
"""Error, in sides of the square, below which the loss is quadratic."""
_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.4, 0.4)
"""Weights of the keypoints in the loss: ears are often hidden."""
_OPSET = 17


@dataclass(frozen=True, slots=True)
class TaughtFaces:
    """Pictures of faces with MediaPipe's keypoints."""

    pictures: NDArray[np.uint8]
    """(N, 112, 112) gray."""
    keypoints: NDArray[np.float64]
    """(N, 6, 2) in their pixels."""


class KeypointNet(nn.Module):
    """Seven convolutions and two dense layers: 0.4 M weights, 5.6 M multiply-adds."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((1, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2), (96, 96, 1))
        layers: list[nn.Module] = []
        for inputs, outputs, stride in widths:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        dense = 96 * (SIDE // 16) ** 2
        self.layers = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(dense, 128), nn.ReLU(), nn.Linear(128, 2 * KEYPOINTS)
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Keypoints (N, 6, 2) in sides from the centre of gray faces (N, 1, 64, 64)."""
        pixels = faces.float()
        pixels = pixels - pixels.mean((2, 3), keepdim=True)
        pixels = pixels / (pixels.pow(2).mean((2, 3), keepdim=True).sqrt() + 8)
        placed: Tensor = self.layers(pixels).view(-1, KEYPOINTS, 2)
        return placed


def taught(pictures: Iterable[NDArray[np.uint8]]) -> TaughtFaces:
    """Ask MediaPipe for the keypoints of the faces in gray pictures (H, W); those without one are left out."""
    images, keypoints = [], []
    with MediaPipeDetector(_TEACHER_SCORE) as teacher:
        for picture in pictures:
            longer = max(picture.shape)
            margin = longer // 2
            padded = cv2.copyMakeBorder(picture, *(margin,) * 4, cv2.BORDER_REPLICATE)
            scale = _TEACHER_SIDE / max(padded.shape)
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            large = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=method)
            faces = teacher.detect(np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8))
            if not len(faces):
                continue
            points = (faces.keypoints[0].astype(np.float64) + 0.5) / scale - margin
            method = cv2.INTER_AREA if longer > _PICTURE else cv2.INTER_CUBIC
            images.append(np.asarray(cv2.resize(picture, (_PICTURE, _PICTURE), interpolation=method), np.uint8))
            keypoints.append(points * (_PICTURE / np.array(picture.shape[::-1])) - 0.5)
    if not images:
        raise InputError("MediaPipe sees no face in the pictures.")
    return TaughtFaces(np.stack(images), np.stack(keypoints))


def view(
    picture: NDArray[np.uint8], keypoints: NDArray[np.float64], degrees: float, scale: float, shift: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A face as the network gets it, (64, 64), and its keypoints (6, 2) in sides from the centre.

    Args:
        picture: (H, W).
        keypoints: (6, 2) in its pixels.
        degrees: by which it is turned.
        scale: of the square, beside what is usual.
        shift: (2,) of the square's centre in sides.
    """
    centre = keypoints[:4].mean(0)
    radius = float(np.sqrt(((keypoints[:4] - centre) ** 2).sum(1).mean()))
    factor = SIDE / (_RADII * radius * scale)
    cosine, sine = np.cos(np.deg2rad(degrees)) * factor, np.sin(np.deg2rad(degrees)) * factor
    linear = np.array([[cosine, -sine], [sine, cosine]])
    offset = (SIDE - 1) / 2 - linear @ centre - shift * SIDE
    matrix = np.column_stack([linear, offset])
    turned = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), (keypoints @ linear.T + offset + 0.5) / SIDE - 0.5


def _augmented(
    faces: TaughtFaces, index: int, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    degrees = float(np.clip(random.normal(0, 22), -65, 65))
    shift = np.array([random.normal(0, 0.05), random.normal(_LOWER, 0.05)])
    picture, points = view(faces.pictures[index], faces.keypoints[index], degrees, random.uniform(0.82, 1.2), shift)
    if random.random() < 0.5:
        picture, points = picture[:, ::-1], points[list(_MIRRORED)] * (-1, 1)
    return _spoilt(np.ascontiguousarray(picture, np.float32), random), points


def _spoilt(gray: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
    """The picture smaller, blurred, in other light, noisy, partly hidden, beside another background."""
    if random.random() < 0.35:
        side = int(random.integers(14, 48))
        small = cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)
    if random.random() < 0.2:
        gray = np.asarray(cv2.GaussianBlur(gray, (0, 0), random.uniform(0.5, 2)), np.float32)
    gamma, contrast = np.exp(random.normal(0, 0.25)), np.exp(random.normal(-0.1, 0.3))
    bright = 255 * np.clip(gray / 255, 0, 1) ** gamma
    gray = np.asarray((bright - 128) * contrast + 128 + random.normal(0, 25), np.float32)
    if random.random() < 0.5:
        gray += random.normal(0, random.uniform(0, 8), gray.shape).astype(np.float32)
    if random.random() < 0.3:
        width, height = random.integers(6, 26, 2)
        left, top = random.integers(0, SIDE - width), random.integers(0, SIDE - height)
        gray[top : top + height, left : left + width] = random.uniform(0, 255)
    if random.random() < 0.3:
        depth = int(random.integers(2, 10))
        edge = np.rot90(gray, int(random.integers(4)))
        edge[:depth] = random.uniform(0, 255, (depth, SIDE)) if random.random() < 0.5 else random.uniform(0, 255)
    return np.asarray(np.rint(np.clip(gray, 0, 255)), np.uint8)


def train(faces: TaughtFaces, epochs: int, views: int, seed: int = 0) -> KeypointNet:
    """Train a network on random views of faces; the weights are an exponential mean over the steps.

    Args:
        faces: what is learnt from.
        epochs: how often.
        views: that many views each time.
        seed: of all that is random.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network, mean = KeypointNet(), KeypointNet()
    mean.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    steps = max(1, views // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, epochs * steps)
    weights = torch.tensor(_WEIGHTS).view(1, KEYPOINTS, 1)
    began = time.monotonic()
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for _ in range(steps):
            drawn = [_augmented(faces, int(i), random) for i in random.integers(0, len(faces.pictures), _BATCH)]
            pictures = torch.from_numpy(np.stack([picture for picture, _ in drawn]))[:, None]
            target = torch.from_numpy(np.stack([points for _, points in drawn]).astype(np.float32))
            error = (network(pictures) - target).abs()
            loss = (weights * torch.where(error < _SMOOTH, error**2 / (2 * _SMOOTH), error - _SMOOTH / 2)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            _follow(mean, network)
            total += float(loss.detach())
        print(f"epoch {epoch + 1} of {epochs}: loss {total / steps:.5f}, {time.monotonic() - began:.0f} s", flush=True)
    return mean.eval()


def _follow(mean: KeypointNet, network: KeypointNet) -> None:
    with torch.no_grad():
        for slow, fast in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - _EMA)
            else:
                slow.copy_(fast)


def print_errors(network: KeypointNet, faces: TaughtFaces) -> None:
    """Print how far the keypoints are from MediaPipe's, in distances of the eyes, with faces turned."""
    for degrees in (-30, -15, 0, 15, 30):
        shift = np.array([0, _LOWER])
        pairs = zip(faces.pictures, faces.keypoints, strict=True)
        views = [view(picture, keypoints, degrees, 1.0, shift) for picture, keypoints in pairs]
        with torch.no_grad():
            placed = network(torch.from_numpy(np.stack([picture for picture, _ in views]))[:, None]).numpy()
        target = np.stack([points for _, points in views])
        eyes = np.linalg.norm(target[:, 1] - target[:, 0], axis=1)
        errors = np.linalg.norm(placed - target, axis=2) / eyes[:, None]
        roll = np.abs(_roll(placed) - _roll(target))
        print(
            f"turned by {degrees:+d}: eyes, nose, mouth {np.median(errors[:, :4]):.3f} "
            f"(95 %: {np.percentile(errors[:, :4], 95):.3f}), ears {np.median(errors[:, 4:]):.3f}, "
            f"roll {np.median(roll):.1f} degrees"
        )


def _roll(points: NDArray[np.floating]) -> NDArray[np.float64]:
    across = points[:, 1] - points[:, 0]
    return np.degrees(np.arctan2(across[:, 1], across[:, 0]))


def export(network: KeypointNet, target: Path) -> None:
    """Write the network as an ONNX file with uint8 input of any number of faces."""
    with whole(target) as temporary, warnings.catch_warnings():
        # About the exporter that replaces this one and needs a package more.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8),),
            str(temporary),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_batch.training.keypoint_net", description=__doc__.split("\n")[0]
    )
    parser.add_argument("faces", type=Path, nargs="+", help="data sets of faces; their labels are not used")
    parser.add_argument("--target", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--most", type=int, default=14000, help="faces of each data set, at most")
    parser.add_argument("--held-out", type=Path, help="data set on which errors are measured")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--views", type=int, default=14000, help="views of faces in an epoch")
    options = parser.parse_args(arguments)
    try:
        parts = [taught(_gray(path, options.most)) for path in options.faces]
        held_out = None if options.held_out is None else taught(_gray(options.held_out, 1000))
    except InputError as error:
        parser.error(str(error))
    faces = TaughtFaces(
        np.concatenate([part.pictures for part in parts]), np.concatenate([part.keypoints for part in parts])
    )
    print(f"{len(faces.pictures)} faces")
    network = train(faces, options.epochs, options.views)
    export(network, options.target)
    if held_out is not None:
        print_errors(network, held_out)


def _gray(path: Path, most: int) -> Iterable[NDArray[np.uint8]]:
    data = read_faces(path)
    indices = np.linspace(0, len(data) - 1, min(most, len(data))).astype(int)
    for index in indices.tolist():
        picture = data.gray(index)
        if picture is not None:
            yield picture


if __name__ == "__main__":
    main()
