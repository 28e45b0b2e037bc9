"""A training leaves a whole model or none, and takes no registrations of other pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason='needs the extra "train"')
pytest.importorskip("onnx", reason='needs the extra "train"')

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.classification.model_spec import Head, ModelSpec
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError, ModelError
from fer_batch.evaluation.datasets import LabelledFaces, read_faces
from fer_batch.evaluation.metrics import evaluate
from fer_batch.faces.alignment import CropGeometry
from fer_batch.training import alignment_cache as registration
from fer_batch.training import job as job_module
from fer_batch.training import onnx_export as module
from fer_batch.training.alignment_cache import cached_alignments
from fer_batch.training.calibration import fitted_temperature
from fer_batch.training.emotion_net import EmotionNet
from fer_batch.training.job import TrainingJob
from fer_batch.training.onnx_export import export
from fer_batch.training.trainer import Recipe

TINY = Recipe(epochs=1, batch=4, widths=(8, 8, 8), depths=(1, 1, 1), stem=8)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other take longer than a few small faces."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ignore(*_: object) -> None:
    """No progress is shown."""


@pytest.fixture(name="dataset")
def two_emotions(tmp_path: Path) -> Path:
    """Four faces of noise for training and four for validation."""
    rng = np.random.default_rng(5)
    for split in ("train", "valid"):
        for emotion in ("happy", "sad"):
            folder = tmp_path / "data" / split / emotion
            folder.mkdir(parents=True)
            for number in range(2):
                cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (48, 48), np.uint8))
    return tmp_path / "data"


def test_a_training_that_is_stopped_while_it_calibrates_leaves_no_model(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    job = TrainingJob(dataset, out, TINY)

    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job_module, "fitted_temperature", stop)
        with pytest.raises(KeyboardInterrupt):
            job.run(ignore)
    assert not [path.name for path in out.iterdir() if path.suffix == ".onnx"]
    exact, small = job.run(ignore, resume=True)
    assert sorted(path.name for path in out.iterdir()) == [
        "best.pt",
        "history.json",
        "last.pt",
        "model.md",
        "model.onnx",
        "model_int8.onnx",
        "train.npz",
        "valid.npz",
    ]
    faces = np.random.default_rng(3).integers(0, 256, (4, 48, 48), np.uint8)
    assert [EmotionClassifier(str(path)).classify(faces).shape for path in (exact, small)] == [(4, 7)] * 2


@pytest.fixture(name="votes")
def a_table_of_votes(tmp_path: Path) -> Path:
    """Faces of noise that people and FER2013 call happy or sad, not always both the same."""
    rng = np.random.default_rng(6)
    faces = [cv2.imencode(".png", rng.integers(0, 256, (48, 48), np.uint8))[1].tobytes() for _ in range(12)]
    table = pd.DataFrame({"image": faces, "split": ["train"] * 6 + ["valid"] * 6})
    for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"):
        table[f"votes_{name}"] = {"happiness": [8, 1] * 6, "sadness": [1, 8] * 6}.get(name, 0)
    table["fer2013"] = ["happy", "sad", "sad"] * 4
    table.to_parquet(tmp_path / "votes.parquet")
    return tmp_path / "votes.parquet"


def test_fer2013s_labels_beside_votes_make_a_second_head(
    tmp_path: Path, votes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one file with the first, each with its own temperature, fitted and measured on its own labels."""
    fitted: dict[str, list[int]] = {}

    def temperature(valid: LabelledFaces, classifier: EmotionClassifier) -> float:
        fitted[classifier.head] = valid.label.tolist()
        assert 0.1 < fitted_temperature(valid, classifier) < 10
        return {"main": 0.5, "fer2013": 3.0}[classifier.head]

    monkeypatch.setattr(job_module, "fitted_temperature", temperature)
    path, small = TrainingJob(votes, tmp_path / "out", TINY).run(ignore)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    assert fitted == {"main": [happy, sad] * 3, "fer2013": [happy, sad, sad] * 2}
    import onnx

    assert [output.name for output in onnx.load(str(path)).graph.output] == ["logits", "fer2013"]
    main, other = EmotionClassifier(str(path)), EmotionClassifier(str(path), head="fer2013")
    assert EmotionClassifier(str(small)).spec == main.spec
    assert main.spec.temperatures == {"main": 0.5, "fer2013": 3.0}
    faces = np.random.default_rng(7).integers(0, 256, (2, 48, 48), np.uint8)
    assert np.abs(main.logits(faces) - other.logits(faces)).max() > 1e-4
    card = " ".join((tmp_path / "out" / "model.md").read_text(encoding="utf-8").split())
    for classifier, data, words in (
        (main, read_faces(votes).of_split("valid"), "- `model.onnx`, validation: accuracy"),
        (
            other,
            read_faces(votes).of_split("valid").by_fer2013(),
            "- `model.onnx`, validation, head `fer2013` by FER2013's own",
        ),
    ):
        assert words in card
        values = evaluate(data, classifier).to_dict()
        assert f"accuracy {values['accuracy_all_labels']:.2%}, balanced {values['balanced_accuracy']:.2%}" in card


def test_a_second_head_that_cannot_be_judged_is_not_exported(tmp_path: Path, votes: Path) -> None:
    table = pd.read_parquet(votes)
    table.loc[table["split"] == "valid", "fer2013"] = None
    table.to_parquet(votes)
    path, _ = TrainingJob(votes, tmp_path / "out", TINY).run(ignore)
    assert EmotionClassifier(str(path)).heads == ("main",)
    assert "fer2013`" not in (tmp_path / "out" / "model.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("wrong", ["head", "auxiliary_head"])
def test_a_file_that_answers_otherwise_than_pytorch_is_not_written(
    tmp_path: Path, mirror: bool, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each head is compared: here the weights change between writing and comparing."""
    network = EmotionNet((8, 8, 8), (1, 1, 1), 8)
    spec = ModelSpec(EMOTIONS, mirror=mirror, heads=(Head("fer2013"),))
    export(network, tmp_path / "right.onnx", spec, {})
    assert EmotionClassifier(str(tmp_path / "right.onnx")).heads == ("main", "fer2013")
    compare = module._compare

    def changed(*arguments: Any) -> None:
        getattr(network, wrong).bias.data[0] += 0.1
        compare(*arguments)

    monkeypatch.setattr(module, "_compare", changed)
    name = {"head": "main", "auxiliary_head": "fer2013"}[wrong]
    with pytest.raises(ModelError, match=f"differs from PyTorch by 0.1 in the head {name}; "):
        export(network, tmp_path / "wrong.onnx", spec, {})
    assert [file.name for file in tmp_path.iterdir()] == ["right.onnx"]


def test_a_data_set_that_cannot_be_measured_in_the_end_is_refused_at_the_start(tmp_path: Path, dataset: Path) -> None:
    for file in (dataset / "valid" / "sad").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="split valid: all its labelled pictures are happy"):
        TrainingJob(dataset, tmp_path / "out", TINY).run(ignore)
    assert not (tmp_path / "out").exists()


def test_kept_registrations_are_of_these_very_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def alignments(crops: NDArray[np.uint8], _: CropGeometry) -> NDArray[np.float32]:
        made.append(int(crops[0, 0, 0]))
        return np.full((len(crops), 2, 3), crops[0, 0, 0], np.float32)

    monkeypatch.setattr(registration, "alignments", alignments)
    cache, geometry = tmp_path / "new" / "train.npz", CropGeometry()
    first, second = np.full((3, 48, 48), 1, np.uint8), np.full((3, 48, 48), 2, np.uint8)
    for crops in (first, first, second, second):
        assert (cached_alignments(crops, geometry, cache) == crops[0, 0, 0]).all()
    assert made == [1, 2]
    cache.write_bytes(cache.read_bytes()[:100])
    assert (cached_alignments(second, geometry, cache) == 2).all()
    np.savez_compressed(cache, alignments=np.zeros((3, 2, 3), np.float32))
    assert (cached_alignments(second, geometry, cache) == 2).all()
