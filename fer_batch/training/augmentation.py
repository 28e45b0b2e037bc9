"""What video does to faces, done to training faces: framing errors, blur, low resolution, noise, JPEG, darkness.

Everything works on whole batches of float32 gray levels (N, 1, S, S), 0 to 255, with a generator of its own, so that
a seed fixes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly faces are disturbed. Angles in degrees, shifts as fractions of the side, the rest probabilities
    unless said.
    """

    registered: float = 0.5
    """Share of faces brought to the registered framing before the jitter; the others keep the data set's own."""
    rotation: float = 12.0
    scale: float = 0.15
    """Largest change of scale, natural logarithm."""
    stretch: float = 0.06
    """Largest change of aspect ratio, natural logarithm."""
    shift: float = 0.07
    blur: float = 0.25
    low_resolution: float = 0.2
    noise: float = 0.15
    jpeg: float = 0.2
    light: float = 0.5
    erase: float = 0.25
    mixup: float = 0.2
    """Parameter of mixup's Beta distribution; 0 switches it off."""

    def calmed(self) -> Augmentation:
        """The same framing errors, everything else half as often, no mixup."""
        halved = {
            name: getattr(self, name) / 2 for name in ("blur", "low_resolution", "noise", "jpeg", "light", "erase")
        }
        return replace(self, mixup=0.0, **halved)


def warp(
    faces: Tensor, alignments: Tensor, settings: Augmentation, random: Generator, *, mirror: bool = True
) -> Tensor:
    """Each face resampled once, through its registration (or not), a random affine map and a mirror.

    Args:
        faces: (N, 1, S, S).
        alignments: (N, 2, 3) maps from the picture's pixels to the registered crop's; the identity where the
            picture is taken as registered already.
        settings: the strengths.
        random: where the numbers come from.
        mirror: whether half of the faces, by chance, are mirrored.
    """
    n, _, size, _ = faces.shape
    device = faces.device

    def uniform(limit: float) -> Tensor:
        return ((torch.rand(n, generator=random) * 2 - 1) * limit).to(device)

    angle = uniform(np.deg2rad(settings.rotation))
    scale, stretch = torch.exp(uniform(settings.scale)), torch.exp(uniform(settings.stretch / 2))
    sides = torch.where(torch.rand(n, generator=random) < (0.5 if mirror else 0.0), -1.0, 1.0).to(device)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # From registered crop to source picture, in coordinates centred on the crop.
    jitter = torch.zeros(n, 3, 3, device=device)
    jitter[:, 0, 0], jitter[:, 0, 1] = cos * stretch * sides, -sin / stretch
    jitter[:, 1, 0], jitter[:, 1, 1] = sin * stretch * sides, cos / stretch
    jitter[:, 0, 2], jitter[:, 1, 2] = uniform(settings.shift * size), uniform(settings.shift * size)
    jitter[:, 2, 2] = 1
    centre = torch.eye(3, device=device).repeat(n, 1, 1)
    centre[:, :2, 2] = (size - 1) / 2
    back = torch.eye(3, device=device).repeat(n, 1, 1)
    back[:, :2] = alignments.to(device)
    use = (torch.rand(n, generator=random) < settings.registered).to(device)
    back = torch.where(use[:, None, None], torch.linalg.inv(back), torch.eye(3, device=device))
    to_source = back @ centre @ jitter
    grid = torch.stack(
        torch.meshgrid(
            torch.arange(size, device=device) - (size - 1) / 2,
            torch.arange(size, device=device) - (size - 1) / 2,
            indexing="xy",
        ),
        -1,
    ).reshape(1, -1, 2)
    points = grid @ to_source[:, :2, :2].transpose(1, 2) + to_source[:, None, :2, 2]
    normalised = (points + 0.5) / size * 2 - 1
    return functional.grid_sample(
        faces, normalised.view(n, size, size, 2), mode="bilinear", padding_mode="border", align_corners=False
    )


def _random_mask(n: int, probability: float, random: Generator) -> Tensor:
    return torch.nonzero(torch.rand(n, generator=random) < probability).flatten()


def _log_uniform(low: float, high: float, random: Generator) -> float:
    return float(low * (high / low) ** torch.rand(1, generator=random).item())


def blur(faces: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of ``sigma`` pixels."""
    radius = max(1, int(np.ceil(2.5 * sigma)))
    kernel = torch.exp(-((torch.arange(-radius, radius + 1, device=faces.device) / sigma) ** 2) / 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(faces, (radius,) * 4, mode="replicate")
    rows = functional.conv2d(padded, kernel.view(1, 1, 1, -1))
    return functional.conv2d(rows, kernel.view(1, 1, -1, 1))


def low_resolution(faces: Tensor, side: int) -> Tensor:
    """Faces shrunk to ``side`` pixels by averaging and enlarged again."""
    small = functional.interpolate(faces, size=(side, side), mode="area")
    return functional.interpolate(small, size=faces.shape[-2:], mode="bilinear", align_corners=False)


def jpeg(faces: Tensor, quality: int) -> Tensor:
    """Faces through a JPEG encoder at ``quality``, 1 to 100."""
    pictures = faces.clamp(0, 255).byte().cpu().numpy()
    out = np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        _, data = cv2.imencode(".jpg", picture[0], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out[i, 0] = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return torch.from_numpy(out).to(faces.device, faces.dtype)


def degrade(faces: Tensor, settings: Augmentation, random: Generator) -> Tensor:
    """Blur, low resolution, darkness, noise, compression and occlusion, each on some of the faces."""
    n, size = faces.shape[0], faces.shape[-1]
    faces = faces.clone()
    # One strength a group keeps the work in a few large operations.
    for group in _random_mask(n, settings.blur, random).chunk(2):
        if len(group):
            faces[group] = blur(faces[group], _log_uniform(0.6, 2.8, random))
    for group in _random_mask(n, settings.low_resolution, random).chunk(3):
        if len(group):
            faces[group] = low_resolution(faces[group], round(_log_uniform(14, 40, random)))
    light = _random_mask(n, settings.light, random)
    if len(light):
        k = len(light)
        gamma = torch.exp((torch.rand(k, generator=random) * 2 - 1) * 0.7)
        low = torch.rand(k, generator=random) * 40
        high = 60 + torch.rand(k, generator=random) * 195
        gamma, low, high = (
            value.view(-1, 1, 1, 1).to(faces.device) for value in (gamma, low, torch.maximum(high, low + 40))
        )
        unit = (faces[light] / 255).clamp(0, 1) ** gamma
        # A side light: brightness that changes across the face.
        slope = (torch.rand(k, 2, generator=random) * 2 - 1).to(faces.device) * 0.25
        ramp = torch.linspace(-1, 1, size, device=faces.device)
        field = 1 + slope[:, :1, None] * ramp[None, None, :] + slope[:, 1:, None] * ramp[None, :, None]
        faces[light] = low + (high - low) * unit * field[:, None]
    noisy = _random_mask(n, settings.noise, random)
    if len(noisy):
        strength = torch.rand(len(noisy), 1, 1, 1, generator=random) * 14
        noise = torch.randn(faces[noisy].shape, generator=random) * strength
        faces[noisy] += noise.to(faces.device)
    for group in _random_mask(n, settings.jpeg, random).chunk(2):
        if len(group):
            faces[group] = jpeg(faces[group], round(_log_uniform(15, 80, random)))
    for i in _random_mask(n, settings.erase, random).tolist():
        height, width = (torch.rand(2, generator=random) * 0.28 + 0.08).mul(size).int().tolist()
        top = int(torch.randint(0, size - height, (1,), generator=random))
        left = int(torch.randint(0, size - width, (1,), generator=random))
        faces[i, :, top : top + height, left : left + width] = float(torch.rand(1, generator=random)) * 255
    return faces.clamp(0, 255)


def mix(
    faces: Tensor, targets: tuple[Tensor, Tensor], settings: Augmentation, random: Generator
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Mixup (Zhang et al. 2018): pairs of faces and of their targets blended by one Beta-distributed share a batch."""
    if settings.mixup <= 0:
        return faces, targets
    seed = int(torch.randint(0, 2**31 - 1, (1,), generator=random))
    share = float(np.random.default_rng(seed).beta(settings.mixup, settings.mixup))
    order = torch.randperm(faces.shape[0], generator=random).to(faces.device)
    first, second = (share * target + (1 - share) * target[order] for target in targets)
    return share * faces + (1 - share) * faces[order], (first, second)
