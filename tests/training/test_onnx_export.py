"""The 8-bit form answers as the network does, in any light."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import EXAMPLE
from numpy.typing import NDArray

pytest.importorskip("torch", reason='needs the extra "train"')
pytest.importorskip("onnx", reason='needs the extra "train"')

import av

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import CropGeometry, register
from fer_batch.training.onnx_export import describe, quantise


@pytest.fixture(name="faces", scope="module")
def faces_of_the_example() -> NDArray[np.uint8]:
    """Registered faces of the clip that ships, one a second."""
    crops = []
    with av.open(str(EXAMPLE)) as container, MediaPipeDetector() as detector:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 24 == 0:
                picture = frame.to_ndarray(format="rgb24")
                found = detector.detect(np.asarray(picture, np.uint8))
                gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
                crops.append(register(gray, found.keypoints[0], CropGeometry()))
    return np.stack(crops)


@pytest.mark.parametrize("light", [1.0, 0.25, 0.06])
def test_the_8_bit_form_answers_as_the_network_does(tmp_path: Path, faces: NDArray[np.uint8], light: float) -> None:
    """Also in the dark, where the contrast that the network evens out is a few gray levels."""
    import torch

    from fer_batch.classification.model_spec import ModelSpec
    from fer_batch.emotions import EMOTIONS
    from fer_batch.training.emotion_net import EmotionNet
    from fer_batch.training.onnx_export import export

    torch.manual_seed(3)
    network = EmotionNet()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    spec = ModelSpec(EMOTIONS)
    export(network, tmp_path / "exact.onnx", spec, {})
    quantise(tmp_path / "exact.onnx", tmp_path / "small.onnx", faces[:, None].astype(np.float32))
    describe(tmp_path / "small.onnx", spec, {})
    exact, small = (EmotionClassifier(str(tmp_path / name)) for name in ("exact.onnx", "small.onnx"))
    dim = (faces * light).astype(np.uint8)
    expected, given = exact.logits(dim), small.logits(dim)
    # The spread over faces is what tells expressions apart; the rounding must be small beside it.
    assert np.abs(given - expected).mean() < 0.15 * expected.std(axis=0).mean()
    assert len(np.unique(given)) > 0.9 * given.size
