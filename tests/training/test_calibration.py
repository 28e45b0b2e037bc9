"""What balancing a network's prior promises."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason='needs the extra "train"')

import torch

from fer_batch.training.calibration import balance_head
from fer_batch.training.emotion_net import EmotionNet

VOTES = torch.tensor([[0.0, 0, 0, 6, 3, 0, 0], [0, 0, 0, 0, 0, 0, 3]])


def log_odds(network: EmotionNet, temperature: float) -> torch.Tensor:
    """Of each emotion against neutral, on a few faces."""
    with torch.no_grad():
        faces = torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 255
        logs = torch.log_softmax(network(faces) / temperature, 1)
        return logs - logs[:, 6:]


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_balance_takes_the_said_part_of_the_frequencies_out_of_the_probabilities(strength: float) -> None:
    network = EmotionNet((8, 8, 8), (1, 1, 1), 8).eval()
    before = log_odds(network, 0.7)
    balance_head(network, VOTES, strength, 0.7)
    change = (log_odds(network, 0.7) - before).numpy()
    # Happy is twice as frequent as sad and neutral.
    np.testing.assert_allclose(change[:, 3], -strength * np.log(2), atol=1e-4)
    np.testing.assert_allclose(change[:, 4], 0, atol=1e-4)


def test_emotions_without_a_training_face_do_not_become_likelier() -> None:
    network = EmotionNet((8, 8, 8), (1, 1, 1), 8)
    before = network.head.bias.detach().clone()
    balance_head(network, VOTES, 1.0, 1.0)
    change = network.head.bias.detach() - before
    assert (change[[0, 1, 2, 5]] <= change[[3, 4, 6]].min() + 1e-6).all()
    balance_head(network, torch.zeros(2, 7), 1.0, 1.0)
    assert torch.isfinite(network.head.bias).all()
