"""Faces disturbed as recordings disturb them: what each disturbance does, and what an evaluation makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.paths import ASTRONAUT
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.cli.main import run
from fer_batch.detection.finder import FaceFinder
from fer_batch.emotions import EMOTIONS
from fer_batch.evaluation import datasets
from fer_batch.evaluation.corruptions import CONDITIONS
from fer_batch.evaluation.datasets import LabelledFaces, read_faces
from fer_batch.evaluation.metrics import evaluate
from fer_batch.types import Faces
from fer_batch.video.frame import Frame


def crop(size: int = 48, *, colour: bool = False) -> NDArray[np.uint8]:
    """Texture of many scales, brighter to the right."""
    shape = (size, size, 3) if colour else (size, size)
    noise = np.random.default_rng(2).integers(0, 160, shape, np.uint8)
    ramp = np.linspace(0, 90, size)[None, :, None] if colour else np.linspace(0, 90, size)[None]
    return np.asarray(noise + ramp, np.uint8)


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("size", [17, 48, 112])
@pytest.mark.parametrize("colour", [False, True], ids=["gray", "rgb"])
def test_a_condition_gives_another_crop_of_the_same_kind_and_the_same_each_time(
    name: str, size: int, colour: bool
) -> None:
    face = crop(size, colour=colour)
    before = face.copy()
    disturbed = CONDITIONS[name](face)
    assert disturbed.shape == face.shape
    assert disturbed.dtype == np.uint8
    assert (disturbed != face).any()
    np.testing.assert_array_equal(face, before)
    np.testing.assert_array_equal(CONDITIONS[name](face), disturbed)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_flat_picture_stays_flat_but_under_noise(name: str) -> None:
    """Nothing comes in from beyond the border."""
    disturbed = CONDITIONS[name](np.full((48, 48), 100, np.uint8))
    assert name == "noise" or np.ptp(disturbed) == 0
    # JPEG rounds the level itself.
    assert disturbed.mean() == pytest.approx(25 if name == "dark" else 100, abs=3)


@pytest.mark.parametrize("name", ["jpeg-20", "blur", "small-24"])
def test_colours_stay_where_they_are(name: str) -> None:
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 200
    disturbed = CONDITIONS[name](red)
    assert disturbed[..., 0].min() > 150
    assert disturbed[..., 1:].max() < 50


@pytest.mark.parametrize(("name", "side"), [("small-24", 24), ("small-16", 16)])
def test_small_faces_keep_only_the_means_of_their_blocks(name: str, side: int) -> None:
    """Faces with the same block means are the same small face."""
    face, block = crop(), 48 // side
    means = face.reshape(side, block, side, block).mean((1, 3)).round().astype(np.uint8)
    blocks = np.repeat(np.repeat(means, block, 0), block, 1)
    assert np.abs(CONDITIONS[name](face).astype(int) - CONDITIONS[name](blocks)).max() <= 1


@pytest.mark.parametrize("size", [48, 96])
def test_a_blurred_point_has_the_width_that_is_promised(size: int) -> None:
    point = np.zeros((size, size), np.uint8)
    point[size // 2 - 1 : size // 2 + 1, size // 2 - 1 : size // 2 + 1] = 255
    profile = CONDITIONS["blur"](point).sum(0).astype(float)
    places = np.arange(size)
    middle = (profile * places).sum() / profile.sum()
    sigma = np.sqrt((profile * (places - middle) ** 2).sum() / profile.sum())
    assert sigma == pytest.approx(2 * size / 48, rel=0.1)


def test_noise_is_as_strong_as_promised_and_each_faces_own() -> None:
    gray = np.full((48, 48), 128, np.uint8)
    noise = CONDITIONS["noise"](gray).astype(int) - 128
    assert noise.std() == pytest.approx(12, rel=0.1)
    other = CONDITIONS["noise"](gray + np.uint8(1)).astype(int) - 129
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("size", [48, 96])
def test_framing_errors_move_a_mark_where_they_say(size: int) -> None:
    """A mark a quarter of the side above the middle."""
    face = np.zeros((size, size), np.uint8)
    cv2.circle(face, (size // 2, size // 4), size // 12, (255,), -1, cv2.LINE_AA)

    def centre(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        weights = picture.astype(float)
        rows, columns = np.mgrid[:size, :size]
        return np.array([(weights * place).sum() / weights.sum() for place in (columns, rows)])

    def angle(picture: NDArray[np.uint8]) -> float:
        """How far to the left of straight up the mark is seen from the crop's middle, degrees."""
        x, y = centre(picture) - (size - 1) / 2
        return float(np.rad2deg(np.arctan2(-x, -y)))

    np.testing.assert_allclose(centre(CONDITIONS["shift"](face)) - centre(face), 0.08 * size, atol=0.05)
    assert angle(CONDITIONS["tilt"](face)) - angle(face) == pytest.approx(15, abs=0.5)


@pytest.fixture(name="data")
def faces_that_the_model_is_right_about(tmp_path: Path) -> LabelledFaces:
    """Patterns in folders named by the shipped model's own answers, and a torn file."""
    coarse = np.random.default_rng(11).integers(0, 256, (12, 6, 6), np.uint8)
    faces = np.stack([cv2.resize(each, (48, 48), interpolation=cv2.INTER_CUBIC) for each in coarse])
    for number, answer in enumerate(EmotionClassifier().classify(np.asarray(faces, np.uint8)).argmax(1)):
        folder = tmp_path / "data" / EMOTIONS[answer]
        folder.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(folder / f"{number}.png"), faces[number])
    (folder / "torn.png").write_bytes(b"torn")
    return read_faces(tmp_path / "data")


def test_points_are_lost_to_a_condition_against_the_same_faces_undisturbed(data: LabelledFaces) -> None:
    """No disturbance loses none. Gray faces all get one answer: right about the faces of that emotion alone."""
    classifier = EmotionClassifier()
    gray = np.full((48, 48), 128, np.uint8)
    result = evaluate(data, classifier, conditions={"same": lambda face: face, "gone": lambda _: gray})
    values = result.to_dict()
    plain = evaluate(data, classifier).to_dict()
    for name in ("n", "accuracy", "confusion", "left_out"):
        assert values[name] == plain[name], name
    assert plain["conditions"] == {}
    assert list(values["conditions"]) == ["same", "gone"]
    figures = {name: plain[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "ece")}
    # On some processors the last digits depend on how many faces are classified at once.
    assert values["conditions"]["same"] == pytest.approx({**figures, "points_lost": 0})
    answer = max(plain["labels"], key=lambda label: classifier.classify(gray[None])[0, EMOTIONS.index(label)])
    right = plain["per_class"][answer]["support"] / plain["n"]
    gone = values["conditions"]["gone"]
    assert gone["accuracy"] == pytest.approx(right)
    assert gone["balanced_accuracy"] == pytest.approx(1 / len(plain["labels"]))
    assert gone["points_lost"] == pytest.approx(100 * (1 - right))


def test_a_face_is_looked_for_once_whatever_the_number_of_conditions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A face that is not found is wrong under every condition, and no condition is asked to disturb it."""
    for folder, picture in (("happy", ASTRONAUT.read_bytes()), ("sad", bytes(cv2.imencode(".png", crop(96))[1]))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(picture)
    sought: list[int] = []

    class Finder(FaceFinder):
        def find(self, frame: Frame, *args: Any, **options: Any) -> Faces:
            sought.append(frame.index)
            return super().find(frame, *args, **options)

    monkeypatch.setattr(datasets, "FaceFinder", Finder)
    shapes: list[tuple[int, ...]] = []

    def seen(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shapes.append(face.shape)
        return face

    values = evaluate(
        read_faces(tmp_path), EmotionClassifier(), "photos", conditions={"one": seen, "two": seen}
    ).to_dict()
    assert len(sought) == 2
    assert shapes == [(48, 48)] * 2
    assert (values["not_found"], values["accuracy"]) == (1, 0.5)
    assert [one["accuracy"] for one in values["conditions"].values()] == [0.5, 0.5]


def test_the_command_shows_every_condition(
    tmp_path: Path, data: LabelledFaces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(data) == 13
    assert run(["evaluate", str(tmp_path / "data"), "--conditions", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values["conditions"]) == ["small-24", "small-16", "blur", "jpeg-20", "noise", "dark", "tilt", "shift"]
    for one in values["conditions"].values():
        assert set(one) == {"accuracy", "balanced_accuracy", "macro_f1", "ece", "points_lost"}
        assert one["points_lost"] == pytest.approx(100 * (values["accuracy"] - one["accuracy"]))
    monkeypatch.setenv("COLUMNS", "120")
    assert run(["evaluate", str(tmp_path / "data"), "--conditions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("condition "))
    assert " ".join(lines[head].split()) == "condition accuracy balanced accuracy calibration error points lost"
    assert [line.split()[0] for line in lines[head + 1 : head + 10]] == ["undisturbed", *values["conditions"]]
    assert lines[head + 1].split()[1::3] == ["100.00%", "0.00"]
    assert run(["evaluate", str(tmp_path / "data")]) == 0
    assert "condition" not in capsys.readouterr().out
