"""A model with several outputs answers by the one that it is asked for, with that one's temperature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier, softmax
from fer_batch.classification.model_spec import METADATA_KEY
from fer_batch.cli.main import run
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import ModelError

onnx = pytest.importorskip("onnx", reason='needs the extra "train"')

SIDE = 8
FACES = np.random.default_rng(1).integers(0, 256, (5, SIDE, SIDE), np.uint8)
HEADS = {"fer2013": {"temperature": 4.0}}


def weights(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.01, (SIDE * SIDE, len(EMOTIONS))).astype(np.float32)


def model(path: Path, outputs: dict[str, int], **description: Any) -> Path:
    """An ONNX file of linear outputs, each with the weights of its seed."""
    helper, tensor = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["faces"], ["flat"]),
            *(helper.make_node("MatMul", ["flat", f"{name}.weights"], [name]) for name in outputs),
        ],
        "linear",
        [helper.make_tensor_value_info("faces", tensor.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, tensor.FLOAT, ["n", len(EMOTIONS)]) for name in outputs],
        [onnx.numpy_helper.from_array(weights(seed), f"{name}.weights") for name, seed in outputs.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entry = made.metadata_props.add()
    entry.key = METADATA_KEY
    entry.value = json.dumps({"labels": EMOTIONS, "geometry": {"size": SIDE}, **description})
    onnx.save(made, str(path))
    return path


def expected(seed: int, faces: NDArray[np.uint8] = FACES) -> NDArray[np.float32]:
    return faces.reshape(len(faces), -1).astype(np.float32) @ weights(seed)


@pytest.mark.parametrize("order", [["logits", "fer2013"], ["fer2013", "logits"]], ids=["main first", "main last"])
def test_each_head_answers_for_itself_with_its_own_temperature(tmp_path: Path, order: list[str]) -> None:
    seeds = {"logits": 10, "fer2013": 20}
    path = str(model(tmp_path / "two.onnx", {name: seeds[name] for name in order}, temperature=0.5, heads=HEADS))
    main, other = EmotionClassifier(path), EmotionClassifier(path, head="fer2013")
    assert main.heads == other.heads == ("main", "fer2013")
    assert (main.head, other.head) == ("main", "fer2013")
    for classifier, seed, temperature in ((main, 10, 0.5), (other, 20, 4.0)):
        np.testing.assert_allclose(classifier.logits(FACES), expected(seed), atol=1e-4)
        np.testing.assert_allclose(classifier.classify(FACES), softmax(expected(seed) / temperature), atol=1e-5)


def test_every_head_sees_the_mirror_image_where_one_does(tmp_path: Path) -> None:
    path = str(model(tmp_path / "two.onnx", {"logits": 10, "fer2013": 20}, mirror=True, heads=HEADS))
    mirrored = np.ascontiguousarray(FACES[:, :, ::-1])
    both = (expected(20) + expected(20, mirrored)) / 2
    np.testing.assert_allclose(EmotionClassifier(path, head="fer2013").logits(FACES), both, atol=1e-4)


class Watched:
    """A session that notes which outputs it is asked for."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.asked: list[list[str]] = []

    def run(self, outputs: list[str], inputs: dict[str, Any]) -> Any:
        self.asked.append(outputs)
        return self.session.run(outputs, inputs)


def test_only_the_output_that_is_used_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(model(tmp_path / "two.onnx", {"logits": 10, "fer2013": 20}, heads=HEADS))
    for head, output in (("main", "logits"), ("fer2013", "fer2013")):
        classifier = EmotionClassifier(path, head=head)
        watched = Watched(classifier._session)
        monkeypatch.setattr(classifier, "_session", watched)
        classifier.classify(FACES)
        assert watched.asked == [[output]]


def test_an_unknown_head_is_answered_with_those_there_are(tmp_path: Path) -> None:
    path = model(tmp_path / "two.onnx", {"logits": 10, "fer2013": 20}, heads=HEADS)
    with pytest.raises(ModelError, match=r"two\.onnx: has no head 'valence'; give main or fer2013\.$"):
        EmotionClassifier(str(path), head="valence")
    # What nobody describes is no head.
    path = model(tmp_path / "one.onnx", {"logits": 10, "fer2013": 20})
    assert EmotionClassifier(str(path)).heads == ("main",)
    with pytest.raises(ModelError, match=r"one\.onnx: has no head 'fer2013'; give main\.$"):
        EmotionClassifier(str(path), head="fer2013")


def test_one_output_may_have_any_name(tmp_path: Path) -> None:
    path = model(tmp_path / "one.onnx", {"Plus692_Output_0": 10})
    np.testing.assert_allclose(EmotionClassifier(str(path)).logits(FACES), expected(10), atol=1e-4)


def test_a_description_beside_the_model_may_name_heads(tmp_path: Path) -> None:
    path = model(tmp_path / "two.onnx", {"logits": 10, "own": 20})
    description = {"labels": EMOTIONS, "geometry": {"size": SIDE}, "heads": {"own": {}}}
    path.with_suffix(".json").write_text(json.dumps(description))
    np.testing.assert_allclose(EmotionClassifier(str(path), head="own").logits(FACES), expected(20), atol=1e-4)


def test_an_evaluation_against_fer2013s_labels_asks_the_head_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Voters and FER2013 disagree about every face, and each head sides with its own."""
    import cv2
    import pandas as pd

    faces = np.random.default_rng(4).integers(0, 256, (40, SIDE, SIDE), np.uint8)
    voted, labelled = expected(10, faces).argmax(1), expected(20, faces).argmax(1)
    keep = np.flatnonzero(voted != labelled)
    columns = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    votes = {f"votes_{name}": (voted[keep] == number) * 10 for number, name in enumerate(columns)}
    table = pd.DataFrame(
        {
            "image": [cv2.imencode(".png", faces[i])[1].tobytes() for i in keep],
            "fer2013": [EMOTIONS[labelled[i]] for i in keep],
            **votes,
        }
    )
    table.to_parquet(tmp_path / "faces.parquet")
    two = model(tmp_path / "two.onnx", {"logits": 10, "fer2013": 20}, heads=HEADS)
    one = model(tmp_path / "one.onnx", {"logits": 10})
    for path, labels, head, accuracy in (
        (two, "main", "main", 1.0),
        (two, "fer2013", "fer2013", 1.0),
        (one, "fer2013", "main", 0.0),
    ):
        options = ["evaluate", str(tmp_path / "faces.parquet"), "--model", str(path), "--labels", labels]
        assert run([*options, "--json"]) == 0
        values = json.loads(capsys.readouterr().out)
        assert (values["labels_from"], values["head"], values["n"]) == (labels, head, len(keep))
        assert values["accuracy_all_labels"] == accuracy
        assert run(options) == 0
        said = f"Labels: FER2013's own; answers: the model's {head} head"
        assert (said in capsys.readouterr().out) == (labels == "fer2013")
