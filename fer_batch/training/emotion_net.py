"""The emotion network: a small residual network with squeeze-and-excitation for gray 48x48 faces.

Residual blocks after He et al. 2016 (basic block), channel attention after Hu et al. 2018 (squeeze-and-excitation).
The stem halves the resolution early, because convolutions at the full 48x48 cost the most and bring the least.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """A convolution without bias and its batch normalisation (one fused operation once exported)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from all channels' means."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, H, W), the same shape out."""
        gate = x.mean((2, 3), keepdim=True)
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(gate))))
        return x * gate


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with channel attention around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, stride)
        self.second = conv_bn(outputs, outputs)
        self.attention = SqueezeExcitation(outputs)
        self.shortcut = (
            nn.Identity() if stride == 1 and inputs == outputs else conv_bn(inputs, outputs, stride, kernel=1)
        )
        # Each block starts as its shortcut: training is steadier (Goyal et al. 2017).
        norm = self.second[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = torch.relu(self.first(x))
        y = self.attention(self.second(y))
        return torch.relu(y + self.shortcut(x))


class Standardise(nn.Module):
    """Each picture to zero mean and unit variance, so that exposure and contrast do not matter.

    The input is in gray levels 0 to 255; the variance floor of 4 levels squared keeps a flat picture flat.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 1, H, W), the same shape out."""
        centred = x - x.mean((2, 3), keepdim=True)
        variance = (centred * centred).mean((2, 3), keepdim=True)
        return centred / torch.sqrt(variance + 4.0)


class EmotionNet(nn.Module):
    """Gray faces (N, 1, 48, 48), float32 gray levels 0 to 255, to emotion logits (N, 7).

    A second head predicts FER2013's own, noisier labels: in training it keeps the features honest about
    faces that FER+'s voters found ambiguous.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128),
        depths: tuple[int, ...] = (2, 2, 2),
        stem: int = 16,
        classes: int = 7,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.config = {"widths": list(widths), "depths": list(depths), "stem": stem, "dropout": dropout}
        layers: list[nn.Module] = [
            Standardise(),
            conv_bn(1, stem),
            nn.ReLU(),
            conv_bn(stem, widths[0], stride=2),
            nn.ReLU(),
        ]
        channels = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for block in range(depth):
                layers.append(ResidualBlock(channels, width, stride=2 if stage and not block else 1))
                channels = width
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)
        self.auxiliary_head = nn.Linear(channels, classes)

    def embed(self, faces: Tensor) -> Tensor:
        """Pooled features (N, C) of the faces."""
        return self.features(faces).mean((2, 3))

    def forward(self, faces: Tensor) -> Tensor:
        """Emotion logits (N, 7) of faces (N, 1, 48, 48), gray levels 0 to 255."""
        return self.head(self.dropout(self.embed(faces)))

    def both_heads(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the emotion head and of the auxiliary head, each (N, 7)."""
        features = self.dropout(self.embed(faces))
        return self.head(features), self.auxiliary_head(features)
