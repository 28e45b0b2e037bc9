"""The figures of an evaluation, against sums done by hand, and every format of labelled faces through the command."""

from __future__ import annotations

import json
from collections import Counter
from math import log
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from helpers.paths import ASTRONAUT
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.cli.main import run
from fer_batch.emotions import EMOTIONS
from fer_batch.evaluation.datasets import read_faces
from fer_batch.evaluation.metrics import Result

ANGRY, HAPPY, SAD = (EMOTIONS.index(name) for name in ("angry", "happy", "sad"))


def result(
    truth: list[int], rows: list[dict[str, float]], labels: list[str], found: list[bool] | None = None
) -> Result:
    probabilities = np.zeros((len(rows), len(EMOTIONS)), np.float32)
    for row, given in zip(probabilities, rows, strict=True):
        for name, value in given.items():
            row[EMOTIONS.index(name)] = value
    return Result(labels, np.array(truth), probabilities, np.array(found or [True] * len(truth)), 2.0, Counter())


def test_accuracy_recall_and_precision_by_hand() -> None:
    """Three happy faces, two right; one sad face, right: 3 of 4, but balanced (2/3 + 1) / 2."""
    values = result(
        [HAPPY, HAPPY, HAPPY, SAD],
        [
            {"happy": 0.8, "sad": 0.2},
            {"happy": 0.6, "sad": 0.4},
            {"happy": 0.3, "sad": 0.7},
            {"happy": 0.1, "sad": 0.9},
        ],
        ["happy", "sad"],
    ).to_dict()
    assert values["n"] == 4
    assert values["accuracy"] == 0.75
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert values["confusion"] == [[2, 1], [0, 1]]
    happy, sad = values["per_class"]["happy"], values["per_class"]["sad"]
    assert happy == {"precision": 1.0, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8), "support": 3}
    assert sad == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert values["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert values["faces_per_second"] == 2.0


def test_calibration_error_and_likelihood_by_hand() -> None:
    """Two faces at 0.9, one right; two at 0.6, both right: |0.9 - 0.5| / 2 + |0.6 - 1| / 2 = 0.4."""
    measured = result(
        [HAPPY, SAD, HAPPY, HAPPY],
        [{"happy": 0.9, "sad": 0.1}] * 2 + [{"happy": 0.6, "sad": 0.4}] * 2,
        ["happy", "sad"],
    )
    values = measured.to_dict()
    assert values["ece"] == pytest.approx(0.4)
    assert values["nll"] == pytest.approx(-(log(0.9) + log(0.1) + 2 * log(0.6)) / 4, rel=1e-6)
    np.testing.assert_allclose(measured.reliability(), [(0.6, 1.0, 2), (0.9, 0.5, 2)], rtol=1e-6)


def test_a_perfectly_calibrated_model_has_no_calibration_error() -> None:
    truth = [HAPPY] * 3 + [SAD]
    assert result(truth, [{"happy": 0.75, "sad": 0.25}] * 4, ["happy", "sad"]).to_dict()["ece"] == pytest.approx(0)


def test_only_the_data_sets_own_labels_are_asked_for() -> None:
    """Neutral leads, but the data set has no neutral faces: of happy and sad, 0.3 to 0.1, happy has three quarters."""
    measured = result([HAPPY, SAD], [{"neutral": 0.6, "happy": 0.3, "sad": 0.1}] * 2, ["happy", "sad"])
    assert measured.to_dict()["confusion"] == [[1, 0], [1, 0]]
    assert measured.to_dict()["accuracy"] == 0.5
    assert measured.to_dict()["accuracy_all_labels"] == 0
    np.testing.assert_allclose(measured.reliability(), [(0.75, 0.5, 2)], rtol=1e-6)
    assert measured.to_dict()["nll"] == pytest.approx(-(log(0.75) + log(0.25)) / 2, rel=1e-6)


def test_a_face_that_was_not_found_is_wrong() -> None:
    """Angry comes first of the seven, so it is what a row without any probability might be taken for."""
    measured = result([ANGRY, ANGRY], [{"angry": 0.8, "sad": 0.2}, {}], ["angry", "sad"], [True, False])
    values = measured.to_dict()
    assert (values["accuracy"], values["accuracy_all_labels"], values["not_found"]) == (0.5, 0.5, 1)
    assert values["confusion"] == [[1, 0], [0, 0]]
    assert values["per_class"]["angry"]["recall"] == 0.5
    # How sure it was is known only of the face that was found.
    assert values["nll"] == pytest.approx(-log(0.8), rel=1e-6)
    assert values["ece"] == pytest.approx(0.2)
    np.testing.assert_allclose(measured.reliability(), [(0.8, 1.0, 1)], rtol=1e-6)


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    """(12, 48, 48): patterns, no faces, but the model gives each of them some emotion."""
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (12, 6, 6), np.uint8)
    return np.stack(
        [np.asarray(cv2.resize(each, (48, 48), interpolation=cv2.INTER_CUBIC), np.uint8) for each in coarse]
    )


@pytest.fixture(scope="module")
def answers(faces: NDArray[np.uint8]) -> list[str]:
    """What the shipped model says of them; it is right about every one that a data set labels so."""
    return [EMOTIONS[i] for i in EmotionClassifier().classify(faces).argmax(1)]


def png(face: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", face)[1])


def evaluate(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> dict[str, Any]:
    status = run(["evaluate", str(path), "--json", *options])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    values: dict[str, Any] = json.loads(printed.out)
    return values


def test_a_folder_of_class_folders(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # A face whose emotion another one has too, so that the model is asked about it; there must be one among twelve.
    mislabelled = next(i for i, answer in enumerate(answers) if answers.count(answer) > 1)
    wrong = next(emotion for emotion in EMOTIONS if emotion != answers[mislabelled])
    for number, (face, answer) in enumerate(zip(faces, answers, strict=True)):
        folder = tmp_path / (wrong if number == mislabelled else answer)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(png(face))
    (tmp_path / wrong / "torn.png").write_bytes(png(faces[0])[:50])
    (tmp_path / "contempt").mkdir()
    (tmp_path / "contempt" / "1.png").write_bytes(png(faces[0]))
    values = evaluate(capsys, tmp_path)
    assert (values["n"], values["split"], values["as"]) == (12, None, "crops")
    assert (values["labels_from"], values["head"]) == ("main", "main")
    assert values["accuracy"] == pytest.approx(11 / 12)
    assert values["left_out"] == {"label 'contempt'": 1, f"unreadable picture {wrong}/torn.png": 1}
    assert values["model"] == "emotion-gray48"
    assert values["labels"] == [emotion for emotion in EMOTIONS if emotion in {wrong, *answers}]


def test_fer2013s_csv(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = [" ".join(map(str, face.ravel())) for face in faces]
    rows = {
        "emotion": [*(str(EMOTIONS.index(answer)) for answer in answers), "9", "3"],
        "pixels": [*pixels, pixels[0], "1 2 3"],
        "Usage": ["Training"] * 4 + ["PublicTest"] * 4 + ["PrivateTest"] * 6,
    }
    path = tmp_path / "fer2013.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    values = evaluate(capsys, path)
    assert (values["split"], values["n"], values["accuracy"]) == ("test", 4, 1.0)
    assert values["left_out"] == {"label '9'": 1, "unreadable picture row 13": 1}
    values = evaluate(capsys, path, "--split", "valid")
    assert (values["split"], values["n"], values["left_out"]) == ("valid", 4, {})
    values = evaluate(capsys, path, "--labels", "fer2013")
    assert (values["n"], values["labels_from"], values["head"]) == (4, "fer2013", "fer2013")
    assert run(["evaluate", str(path), "--split", "Test"]) == 2
    assert "there are test, train, valid" in capsys.readouterr().err


def test_a_table_of_pictures_and_labels(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Other names for the emotions, pictures of another size."""
    names = {"happy": "happiness", "sad": "Sadness", "angry": "anger", "surprise": "surprised", "fear": "afraid"}
    large = [np.asarray(cv2.resize(face, (192, 192), interpolation=cv2.INTER_NEAREST), np.uint8) for face in faces]
    path = tmp_path / "faces.parquet"
    pd.DataFrame(
        {
            "image": [*(png(face) for face in large), b"", None, png(large[0])],
            "label": [*(names.get(answer, answer) for answer in answers), "happy", "happy", "bored"],
            "name": [f"face {number}" for number in range(15)],
        }
    ).to_parquet(path)
    values = evaluate(capsys, path)
    assert (values["n"], values["accuracy"]) == (12, 1.0)
    assert values["left_out"] == {"label 'bored'": 1, "unreadable picture face 12": 1, "unreadable picture face 13": 1}


def test_a_table_of_votes(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A face counts when one of the seven emotions has more than half of all votes, those for anything else too."""
    columns = {
        "angry": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happiness",
        "sad": "sadness",
        "surprise": "surprise",
        "neutral": "neutral",
    }
    votes = {f"votes_{name}": np.zeros(12, int) for name in [*columns.values(), "contempt", "unknown"]}
    for number, answer in enumerate(answers):
        votes[f"votes_{columns[answer]}"][number] = 6
        votes["votes_unknown"][number] = 4
    votes[f"votes_{columns[answers[0]]}"][0] = 5  # 5 of 9
    votes[f"votes_{columns[answers[1]]}"][1] = 4  # 4 of 8
    votes[f"votes_{columns[answers[2]]}"][2] = 0
    votes["votes_contempt"][2] = 9
    path = tmp_path / "votes.parquet"
    split = ["train"] * 2 + ["valid"] * 10
    pd.DataFrame({"image": [png(face) for face in faces], "split": split, **votes}).to_parquet(path)
    values = evaluate(capsys, path)
    assert (values["split"], values["n"], values["accuracy"]) == ("valid", 9, 1.0)
    assert values["left_out"] == {"no emotion with more than half of the votes": 1}
    assert run(["evaluate", str(path), "--split", "train"]) == 2
    assert f"all its labelled pictures are {answers[0]}; give at least two emotions" in capsys.readouterr().err


def test_fer2013s_own_labels_beside_votes(
    tmp_path: Path, faces: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    """The truth is FER2013's label, whatever people voted; a face that it has none for is left out."""
    table = pd.DataFrame({"image": [png(face) for face in faces], "split": ["train"] * 2 + ["valid"] * 10})
    for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"):
        table[f"votes_{name}"] = 10 if name == "happiness" else 0
    table.to_parquet(tmp_path / "without.parquet")
    table["fer2013"] = ["happy"] * 4 + ["sad"] * 7 + [None]
    table.to_parquet(tmp_path / "faces.parquet")
    values = evaluate(capsys, tmp_path / "faces.parquet", "--labels", "fer2013")
    head = "fer2013" if "fer2013" in EmotionClassifier().heads else "main"
    assert (values["labels_from"], values["head"], values["split"]) == ("fer2013", head, "valid")
    assert {label: one["support"] for label, one in values["per_class"].items()} == {"happy": 2, "sad": 7}
    assert values["left_out"] == {"no label of FER2013's own": 1}
    assert run(["evaluate", str(tmp_path / "without.parquet"), "--labels", "fer2013"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "Error: without: has no labels of FER2013's own (a column fer2013) beside votes; use --labels main."
    ]


def test_photos_are_searched_for_the_face_and_missing_ones_count_as_wrong(
    tmp_path: Path, faces: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    """The astronaut's wide smile, and a pattern in which there is no face."""
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "astronaut.png").write_bytes(ASTRONAUT.read_bytes())
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad" / "pattern.png").write_bytes(png(faces[0]))
    (tmp_path / "sad" / "torn.png").write_bytes(ASTRONAUT.read_bytes()[:1000])
    values = evaluate(capsys, tmp_path, "--as", "photos")
    assert (values["n"], values["not_found"], values["accuracy"]) == (2, 1, 0.5)
    assert values["left_out"] == {"unreadable picture sad/torn.png": 1}


def test_a_detector_that_there_is_none_of_is_told_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "missing", "--as", "photos", "--detector", "long"]) == 2
    said = capsys.readouterr().err
    assert "--detector': 'long' is not one of 'auto', 'mediapipe', 'short', 'full'" in said


def test_names_are_printed_as_they_are(
    tmp_path: Path, faces: NDArray[np.uint8], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("happy", "sad", "[b]sad"):
        folder = Path("study[/old]") / name
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(png(faces[0]))
    assert run(["evaluate", "study[/old]"]) == 0
    said = capsys.readouterr().out
    assert "emotion-gray48 on study[/old], as crops" in said
    assert "accuracy, any of the seven" in said
    assert "left out: 1 x label '[b]sad'" in said


def test_pictures_of_a_folder_are_read_one_by_one(tmp_path: Path, faces: NDArray[np.uint8]) -> None:
    """A data set may be larger than memory."""
    (tmp_path / "happy").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "happy" / name).write_bytes(png(faces[0]))
    data = read_faces(tmp_path)
    (tmp_path / "happy" / "1.png").write_bytes(png(faces[1]))
    (tmp_path / "happy" / "2.png").unlink()
    np.testing.assert_array_equal(data.gray(0), faces[1])
    assert data.gray(1) is None


def test_plots_are_written_where_asked(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (face, answer) in enumerate(zip(faces, answers, strict=True)):
        folder = tmp_path / "data" / answer
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{number}.png").write_bytes(png(face))
    evaluate(capsys, tmp_path / "data", "--plots", str(tmp_path / "deep" / "plots"))
    written = sorted((tmp_path / "deep" / "plots").iterdir())
    assert [path.name for path in written] == ["confusion.png", "reliability.png"]
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert min(picture.shape[:2]) >= 600
        assert picture.std() > 10
    (tmp_path / "taken").write_bytes(b"")
    assert run(["evaluate", str(tmp_path / "data"), "--plots", str(tmp_path / "taken")]) == 2
    assert "taken: plots cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.csv", None, "no such data set"),
        ("notes.txt", b"hello", "not a data set"),
        ("wrong.csv", b"a,b\n1,2\n", "not FER2013's CSV"),
        ("torn.csv", b'emotion,pixels\n"3,1 2\n', "cannot be read"),
        ("empty.csv", b"", "cannot be read"),
        ("torn.parquet", b"PAR1....", "cannot be read"),
    ],
)
def test_what_is_no_data_set_is_named(
    tmp_path: Path, name: str, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert run(["evaluate", str(path)]) == 2
    error = capsys.readouterr().err
    assert f"Error: {path}: " in error
    assert said in error


def test_a_table_in_hugging_faces_form(
    tmp_path: Path, faces: NDArray[np.uint8], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures in a struct, one of them missing, and a split called validation."""
    path = tmp_path / "faces.parquet"
    cells: list[dict[str, object]] = [
        {"bytes": cv2.imencode(".png", face)[1].tobytes(), "path": "a.png"} for face in faces
    ]
    cells.append({"bytes": None, "path": "gone.png"})
    table = pd.DataFrame({"image": cells, "label": [*answers, "happy"], "split": "validation"})
    table.to_parquet(path)
    values = evaluate(capsys, path)
    assert (values["split"], values["n"], values["accuracy"]) == ("valid", len(faces), 1.0)
    assert values["left_out"] == {f"unreadable picture row {len(faces)}": 1}
    table.assign(image="a.png").to_parquet(path)
    assert run(["evaluate", str(path)]) == 2
    assert "its column image holds text" in capsys.readouterr().err
