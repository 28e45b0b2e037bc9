"""The face recognition network that ships is made from its published weights as they are meant."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import ASTRONAUT

pytest.importorskip("torch", reason='needs the extra "train"')
pytest.importorskip("onnx", reason='needs the extra "train"')

import torch
from tools import convert_face_recognition as embedding
from tools.convert_face_recognition import EmbeddingNet, main

from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.alignment import register
from fer_batch.faces.embedding import GEOMETRY
from fer_batch.inference.lazy_imports import import_onnxruntime
from fer_batch.training.recognition_net import MANIFEST, read_weights


@pytest.fixture(name="weights", scope="module")
def made_up_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in face-api's form, of a size that keeps activations what they are through all blocks."""
    folder, random = tmp_path_factory.mktemp("weights"), np.random.default_rng(5)
    convolutions = {"conv32_down": (7, 7, 3, 32)}
    inputs = 32
    for names, width in zip(embedding._BLOCKS, embedding._WIDTHS, strict=True):
        for name in names:
            convolutions |= {f"{name}/conv1": (3, 3, inputs, width), f"{name}/conv2": (3, 3, width, width)}
            inputs = width
    tensors = {"fc": random.normal(0, 1, (256, 128))}
    for name, shape in convolutions.items():
        zeros, share = np.zeros(shape[-1]), 1.0 if name == "conv32_down" else 0.5
        tensors |= {
            f"{name}/conv/filters": random.normal(0, share * np.sqrt(2 / np.prod(shape[:3])), shape),
            f"{name}/conv/bias": zeros,
            f"{name}/scale/weights": zeros + 1,
            f"{name}/scale/biases": zeros + 0.1,
        }
    entries = [{"name": name, "shape": tensor.shape, "dtype": "float32"} for name, tensor in tensors.items()]
    (folder / "weights.bin").write_bytes(b"".join(tensor.astype(np.float32).tobytes() for tensor in tensors.values()))
    (folder / MANIFEST).write_text(json.dumps([{"paths": ["weights.bin"], "weights": entries}]), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_8_bit_form_gives_the_networks_embeddings(weights: Path, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs" / "happy"
    photographs.mkdir(parents=True)
    (photographs / ASTRONAUT.name).write_bytes(ASTRONAUT.read_bytes())
    main([str(weights), str(photographs.parent), str(tmp_path / "made.onnx")])
    picture = np.asarray(cv2.imread(str(ASTRONAUT), cv2.IMREAD_COLOR_RGB), np.uint8)
    with MediaPipeDetector() as detector:
        points = detector.detect(picture).keypoints[0]
    crop = register(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8), points, GEOMETRY)
    faces = np.stack([crop, crop[:, ::-1], crop[::-1]])[:, None].astype(np.float32)
    session = import_onnxruntime().InferenceSession(str(tmp_path / "made.onnx"), providers=["CPUExecutionProvider"])
    given = session.run(None, {"faces": faces})[0]
    with torch.no_grad():
        expected = EmbeddingNet(read_weights(weights)).eval()(torch.from_numpy(faces)).numpy()
    assert given.shape == (3, 128)
    difference, length = (np.linalg.norm(one, axis=1) for one in (given - expected, expected))
    assert (difference < 0.04 * length).all()


def test_going_down_the_smaller_side_is_padded_as_the_weights_were_trained() -> None:
    """The last row and column, which the convolutions do not reach, are the shortcut's own."""
    block = embedding._Padded(4, 8, down=True)
    features = torch.rand(2, 4, 8, 8)
    with torch.no_grad():
        out = block(features)
    assert out.shape == (2, 8, 4, 4)
    shortcut = torch.nn.functional.avg_pool2d(features, 2, 2)
    for edge, expected in ((out[:, :, 3], shortcut[:, :, 3]), (out[:, :, :, 3], shortcut[:, :, :, 3])):
        torch.testing.assert_close(edge[:, :4], expected)
        assert not edge[:, 4:].any()
    assert (out[:, :4, :3, :3] != shortcut[:, :, :3, :3]).any()


def test_what_is_missing_is_said_in_one_sentence(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photographs" / "happy").mkdir(parents=True)
    grey = np.full((64, 64), 128, np.uint8)
    cv2.imwrite(str(tmp_path / "photographs" / "happy" / "grey.png"), grey)
    for arguments, said in (
        ((tmp_path, tmp_path / "photographs"), "holds no face recognition weights"),
        ((weights, tmp_path / "photographs"), "no face was found in its photographs"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*map(str, arguments), str(tmp_path / "made.onnx")])
        assert stopped.value.code == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "made.onnx").exists()
