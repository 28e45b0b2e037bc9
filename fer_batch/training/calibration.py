"""What makes an exported network's numbers honest: its temperature, and how much of its prior it keeps."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.evaluation.datasets import LabelledFaces
from fer_batch.training.emotion_net import EmotionNet
from fer_batch.training.recognition_net import RecognitionNet
from fer_batch.training.trainer import soft_cross_entropy

_BATCH = 256


def temperature(logits: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """The temperature that minimises cross entropy on the given faces (Guo et al. 2017), by golden-section search.

    Args:
        logits: (N, 7).
        targets: (N, 7) target distributions.
    """
    scores, expected = torch.from_numpy(logits), torch.from_numpy(targets)
    low, high = math.log(0.2), math.log(5.0)
    ratio = (math.sqrt(5) - 1) / 2

    def loss(exponent: float) -> float:
        return float(soft_cross_entropy(scores / math.exp(exponent), expected))

    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def fitted_temperature(valid: LabelledFaces, classifier: EmotionClassifier) -> float:
    """Fitted on the faces whose label is certain, so that a confidence is the chance to be right.

    Raises:
        InputError: when none of these can be read.
    """
    certain = np.flatnonzero(valid.label >= 0)
    crops = [(i, valid.crop(int(i), classifier.geometry.size)) for i in certain]
    read = [(i, crop) for i, crop in crops if crop is not None]
    if not read:
        raise InputError(f"{valid.name}: none of its labelled pictures can be read.")
    pictures = np.stack([crop for _, crop in read])
    logits = [classifier.logits(pictures[i : i + _BATCH]) for i in range(0, len(pictures), _BATCH)]
    one_hot = np.eye(len(EMOTIONS), dtype=np.float32)[valid.label[[i for i, _ in read]]]
    return temperature(np.concatenate(logits), one_hot)


@torch.no_grad()
def balance_head(
    network: EmotionNet | RecognitionNet, votes: torch.Tensor, strength: float, temperature: float
) -> None:
    """Takes a part of the training faces' frequencies out of the emotion head (Menon et al. 2021, post-hoc logits).

    A network expects emotions as often as it met them: mostly neutral and happy. Recordings may hold others. Emotions
    that nobody voted for stay as unlikely as they are.

    Args:
        network: its emotion head's bias is changed.
        votes: (N, 7) what it was trained on; their mean is the prior.
        strength: 0 keeps the prior, 1 answers as if all emotions were equally frequent.
        temperature: what the logits are divided by before softmax.
    """
    counts = votes.sum(0)
    occupied = counts > 0
    if not strength or not occupied.any():
        return
    shift = torch.zeros_like(counts)
    # The most frequent emotion stays where it is, and with it those that were never seen.
    logs = torch.log(counts[occupied] / counts.sum())
    shift[occupied] = logs - logs.max()
    network.head.bias -= (strength * temperature * shift).to(network.head.bias.device)
