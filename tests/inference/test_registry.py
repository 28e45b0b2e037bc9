"""Models are used only when they are the ones that shipped, or say how they want to be used."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import fer_batch.inference.registry
from fer_batch import ModelError
from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.cli.main import run
from fer_batch.detection.keypoint_network import KeypointNetwork
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.detection.yunet import YuNet
from fer_batch.emotions import EMOTIONS
from fer_batch.faces.embedding import FaceEmbedder
from fer_batch.inference.registry import manifest, model_path, models_folder, sha256_of

SHIPPED = models_folder()


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the models that the package takes for its own."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "models"))
    monkeypatch.setattr(fer_batch.inference.registry, "models_folder", lambda: folder)
    manifest.cache_clear()
    yield folder
    manifest.cache_clear()


def without_metadata(model: bytes) -> bytes:
    """An ONNX file less its key-value metadata: field 14 of the outermost protobuf message."""

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (model[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if model[at - 1] < 128:
                return value, at

    kept, at = b"", 0
    while at < len(model):
        begin = at
        key, at = varint(at)
        assert key & 7 in {0, 2}, "an ONNX file has numbers and length-delimited fields outermost"
        size, at = varint(at)
        at += size if key & 7 == 2 else 0
        if key >> 3 != 14:
            kept += model[begin:at]
    assert len(kept) < len(model)
    return kept


def test_every_model_that_ships_is_whole_and_documented() -> None:
    assert {model.task for model in manifest().values()} == {
        "emotion",
        "face detection",
        "face keypoints",
        "face recognition",
    }
    for name, model in manifest().items():
        assert hashlib.sha256(model_path(name).read_bytes()).hexdigest() == model.sha256
        assert model.licence
        assert model.source
        assert (SHIPPED / model.card).is_file(), f"{name} has no card"


def test_the_command_lists_all_models_and_prints_their_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(manifest())
    for name, row in rows.items():
        assert row["size_bytes"] == model_path(name).stat().st_size
    assert run(["models"]) == 0
    text = capsys.readouterr().out
    for name, model in manifest().items():
        assert name in text
        assert model.sha256 in text
        assert run(["models", name]) == 0
        assert capsys.readouterr().out.strip() == (SHIPPED / model.card).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    "file", ["emotion_gray48.onnx", "face_detection_yunet.onnx", "face_detection_short_range.tflite"]
)
def test_the_command_finds_one_altered_bit(copies: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    altered = copies / file
    data = bytearray(altered.read_bytes())
    data[len(data) // 2] ^= 1
    altered.write_bytes(data)
    assert run(["models"]) == 2
    assert f"{altered}: the model's file is not the one that shipped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("emotion-gray48", EmotionClassifier),
        ("yunet", YuNet),
        ("face-short-range", MediaPipeDetector),
        ("face-keypoints", KeypointNetwork),
        ("face-recognition", FaceEmbedder),
    ],
)
@pytest.mark.parametrize("fault", ["altered", "missing"])
def test_a_model_that_is_not_the_one_that_shipped_is_not_used(
    copies: Path, name: str, use: Callable[[], object], fault: str
) -> None:
    path = copies / manifest()[name].file
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"\0")
    said = "is missing" if fault == "missing" else "is not the one that shipped"
    with pytest.raises(ModelError, match=f"{path.name}: the model's file {said}"):
        use()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"models": 3}', '{"models": [{"name": "x"}]}', '{"models": [1]}', None]
)
def test_a_damaged_manifest_is_named(copies: Path, text: str | None) -> None:
    path = copies / "manifest.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(ModelError, match=r"manifest\.json: the model manifest is missing or damaged"):
        EmotionClassifier()


def test_an_unknown_name_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="'emotion-gray49'; give emotion-gray48"):
        EmotionClassifier("emotion-gray49")
    # A detector is no emotion model.
    with pytest.raises(ModelError, match="give emotion-gray48"):
        EmotionClassifier("face-short-range")
    assert run(["models", "nothing"]) == 2
    assert "emotion-gray48" in capsys.readouterr().err


def test_a_model_by_path_gives_the_same_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes((SHIPPED / "emotion_gray48.onnx").read_bytes())
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    ours, theirs = EmotionClassifier(str(path)), EmotionClassifier()
    assert (ours.name, ours.sha256) == ("mine", theirs.sha256)
    np.testing.assert_array_equal(ours.classify(faces), theirs.classify(faces))
    assert ours.classify(faces[:0]).shape == (0, 7)


def test_a_model_trained_anew_in_its_old_place_gets_its_own_checksum(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    for data in (b"first", b"second"):
        path.write_bytes(data)
        assert sha256_of(path) == hashlib.sha256(data).hexdigest()


def test_a_model_without_a_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.onnx"
    path.write_bytes(without_metadata((SHIPPED / "emotion_gray48.onnx").read_bytes()))
    with pytest.raises(ModelError, match=r"bare\.onnx: does not say its labels and input"):
        EmotionClassifier(str(path))


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ("{}", "lacks 'labels'"),
        ('{"labels": ["happy", "sad"]}', "labels must name each of angry"),
        (json.dumps({"labels": EMOTIONS, "temperature": 0}), "temperature must be above 0"),
        (json.dumps({"labels": EMOTIONS, "temperature": "warm"}), "cannot be used"),
        (json.dumps({"labels": EMOTIONS, "geometry": {"side": 48}}), "cannot be used"),
        (json.dumps({"labels": EMOTIONS, "geometry": {"size": 64}}), "does not take the input"),
        (json.dumps({"labels": EMOTIONS, "colour": "rgb"}), "does not take the input"),
        (json.dumps({"labels": [*EMOTIONS, "contempt"]}), "gives (7,) numbers a face, its description names 8"),
    ],
)
def test_a_wrong_description_is_refused_before_any_work(tmp_path: Path, description: str, said: str) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes((SHIPPED / "emotion_gray48.onnx").read_bytes())
    path.with_suffix(".json").write_text(description)
    with pytest.raises(ModelError) as raised:
        EmotionClassifier(str(path))
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ModelError, match=r"noise\.onnx: not a usable ONNX model"):
        EmotionClassifier(str(path))
    with pytest.raises(ModelError, match=r"absent\.onnx: no such model file"):
        EmotionClassifier(str(tmp_path / "absent.onnx"))
