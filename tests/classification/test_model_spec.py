"""A model of the user's own drops in with a description beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.classification.model_spec import Head, ModelSpec
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import ModelError
from fer_batch.faces.alignment import CropGeometry
from fer_batch.inference.registry import model_path


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    return Path(shutil.copy(model_path("emotion-gray48"), tmp_path / "own.onnx"))


def faces(count: int = 5) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 48, 48), np.uint8)


def test_outputs_are_put_in_our_order_whatever_they_are_called(own_model: Path) -> None:
    expected = EmotionClassifier(str(own_model)).logits(faces())
    # The network's outputs stay as they are; the description now calls them by other names.
    names = ["Neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    own_model.with_suffix(".json").write_text(json.dumps({"labels": names, "mirror": True}))

    classifier = EmotionClassifier(str(own_model))

    places = [6, 0, 1, 2, 3, 4, 5]
    for output, place in enumerate(places):
        assert np.array_equal(classifier.logits(faces())[:, place], expected[:, output])


def test_a_description_changes_normalisation_and_temperature(own_model: Path) -> None:
    plain = ModelSpec(EMOTIONS)
    own_model.with_suffix(".json").write_text(json.dumps(plain.to_dict()))
    sharp = EmotionClassifier(str(own_model)).classify(faces())
    own_model.with_suffix(".json").write_text(json.dumps({**plain.to_dict(), "temperature": 50.0}))
    flat = EmotionClassifier(str(own_model)).classify(faces())

    assert np.allclose(flat, 1 / 7, atol=0.1)
    assert flat.max() < sharp.max()


def test_a_description_survives_being_written_and_read() -> None:
    """As JSON, whose tuples are lists; equal descriptions stand for one another, in sets too."""
    geometry = CropGeometry(64)
    heads = (Head("fer2013", 1.5), Head("second"))
    spec = ModelSpec((*EMOTIONS, "contempt"), geometry, "rgb", (1.0, 2.0, 3.0), temperature=0.7, heads=heads)
    read = ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert {read, spec} == {spec}
    assert spec.to_dict()["heads"] == {"fer2013": {"temperature": 1.5}, "second": {"temperature": 1.0}}
    assert read.temperatures == {"main": 0.7, "fer2013": 1.5, "second": 1.0}
    assert ModelSpec.from_dict({"labels": EMOTIONS}).heads == ()


def test_contempt_is_left_out_and_its_share_given_to_the_others() -> None:
    spec = ModelSpec((*EMOTIONS, "contempt"))

    assert spec.order.tolist() == list(range(7))


@pytest.mark.parametrize(
    ("description", "word"),
    [
        ({"labels": ["happy", "sad"]}, "labels"),
        ({}, "labels"),
        ({"labels": list(EMOTIONS), "colour": "cmyk"}, "colour"),
        ({"labels": list(EMOTIONS), "std": 0}, "std"),
        ({"labels": list(EMOTIONS), "color": "rgb"}, "unknown key 'color'"),
        (list(EMOTIONS), "expected an object"),
        ({"labels": list(EMOTIONS), "geometry": {"size": 64}}, "input"),
        ({"labels": [*EMOTIONS, "contempt"]}, "7"),
        ({"labels": list(EMOTIONS), "geometry": {"size": "48"}}, "size"),
        (
            {
                "labels": list(EMOTIONS),
                "geometry": {"right_eye": [0.5, 0.5], "left_eye": [0.5, 0.5], "mouth": [0.5, 0.5]},
            },
            "point",
        ),
        ({"labels": list(EMOTIONS), "geometry": {"mouth": ["a", 1]}}, "description"),
        ({"labels": list(EMOTIONS), "mean": [float("nan")]}, "finite"),
        ({"labels": list(EMOTIONS), "temperature": 1e999}, "finite"),
        ({"labels": list(EMOTIONS), "heads": ["fer2013"]}, "heads must name each output with its values"),
        ({"labels": list(EMOTIONS), "heads": {"fer2013": 1.5}}, "heads must name each output with its values"),
        ({"labels": list(EMOTIONS), "heads": {"fer2013": {"temperature": 0}}}, "temperature of fer2013"),
        ({"labels": list(EMOTIONS), "heads": {"fer2013": {"temperature": "warm"}}}, "temperature of fer2013"),
        ({"labels": list(EMOTIONS), "heads": {"fer2013": {"temperature": float("nan")}}}, "temperature of fer2013"),
        ({"labels": list(EMOTIONS), "heads": {"main": {}}}, "'main' cannot be a head's name"),
        ({"labels": list(EMOTIONS), "heads": {"second": {}}}, "described to have the output 'second' and has logits"),
        ({"labels": list(EMOTIONS), "heads": {"logits": {}, "fer2013": {}}}, "no output beside the described heads"),
    ],
)
def test_a_wrong_description_is_told_before_any_work(own_model: Path, description: object, word: str) -> None:
    own_model.with_suffix(".json").write_text(json.dumps(description))

    with pytest.raises(ModelError, match=word) as told:
        EmotionClassifier(str(own_model))

    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)
