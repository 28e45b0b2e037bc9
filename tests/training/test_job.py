"""A training leaves a whole model or none, and takes no registrations of other pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason='needs the extra "train"')
pytest.importorskip("onnx", reason='needs the extra "train"')

from fer_batch.emotion.classifier import EmotionClassifier
from fer_batch.errors import InputError
from fer_batch.faces.alignment import CropGeometry
from fer_batch.training import registration
from fer_batch.training.fit import Recipe
from fer_batch.training.job import TrainingJob
from fer_batch.training.registration import cached_alignments

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


# The exporter that replaces this one needs a package more.
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript:DeprecationWarning")
def test_a_training_that_is_stopped_while_it_calibrates_leaves_no_model(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    job = TrainingJob(dataset, out, TINY)

    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingJob, "_temperature", stop)
        with pytest.raises(KeyboardInterrupt):
            job.run(ignore)
    assert not [path.name for path in out.iterdir() if path.suffix == ".onnx"]
    path = job.run(ignore, resume=True)
    assert sorted(path.name for path in out.iterdir()) == [
        "best.pt",
        "history.json",
        "last.pt",
        "model.md",
        "model.onnx",
        "train.npz",
        "valid.npz",
    ]
    assert EmotionClassifier(str(path)).classify(np.zeros((1, 48, 48), np.uint8)).shape == (1, 7)


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
