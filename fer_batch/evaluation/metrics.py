"""How good a model is on labelled faces: the usual figures and honest ones."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.config import Detector
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.evaluation.corruptions import Condition
from fer_batch.evaluation.datasets import LabelledFaces, detected_crops, ready_crops

CALIBRATION_BINS = 15
"""Equal bins of confidence, as in Guo et al. 2017."""


@dataclass(slots=True)
class Result:
    """A model's answers to labelled faces."""

    labels: list[str]
    """The emotions that the data set has a label for; the others are not asked for."""
    truth: NDArray[np.int64]
    """(N,) index into ``EMOTIONS``."""
    probabilities: NDArray[np.float32]
    """(N, 7); rows of zeros where no face was found."""
    detected: NDArray[np.bool_]
    """(N,) False where no face was found: counted as wrong."""
    seconds: float
    """Taken to read, find and classify the faces, undisturbed."""
    problems: Counter[str] = field(default_factory=Counter)
    """What was left out and how often."""
    conditions: dict[str, Result] = field(default_factory=dict)
    """The answers to the same faces under each condition that was asked for."""

    def _answers(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Predicted index into ``EMOTIONS`` (-1: no face) and confidence, among the data set's labels only."""
        evaluated = np.array([label in self.labels for label in EMOTIONS])
        allowed = np.where(evaluated, self.probabilities.astype(np.float64), 0)
        total = allowed.sum(1, keepdims=True)
        allowed = np.divide(allowed, total, out=np.zeros_like(allowed), where=total > 0)
        return np.where(self.detected, allowed.argmax(1), -1), allowed.max(1)

    def to_dict(self) -> dict[str, Any]:
        """Every figure, ready for JSON; shares between 0 and 1.

        ``confusion`` has a row a true label and a column a predicted one, in the order of ``labels``; faces that were
        not found are in no column. Answers are limited to ``labels``, but for ``accuracy_all_labels``, where the model
        may answer with any of the seven. ``ece`` is the expected calibration error and ``nll`` the mean negative
        log-likelihood in nats, both over the faces that were found; ``reliability`` has mean confidence, accuracy and
        number of faces of each occupied bin of confidence. ``conditions`` has figures under each condition; its
        ``points_lost`` is how many points of a hundred the accuracy is lower than undisturbed.
        """
        predicted, confidence = self._answers()
        indices = [EMOTIONS.index(label) for label in self.labels]
        confusion = np.array([[int(((self.truth == t) & (predicted == p)).sum()) for p in indices] for t in indices])
        support = np.array([int((self.truth == t).sum()) for t in indices])
        correct = np.diag(confusion)
        recall = correct / np.maximum(support, 1)
        precision = correct / np.maximum(confusion.sum(0), 1)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        accuracy = float(correct.sum() / max(1, len(self.truth)))
        return {
            "n": len(self.truth),
            "accuracy": accuracy,
            "accuracy_all_labels": float((self.detected & (self.probabilities.argmax(1) == self.truth)).mean()),
            "balanced_accuracy": float(recall.mean()),
            "macro_f1": float(f1.mean()),
            "ece": self._ece(predicted, confidence),
            "reliability": [list(one) for one in self._bins(predicted, confidence)],
            "nll": self._nll(indices),
            "not_found": int((~self.detected).sum()),
            "per_class": {
                label: {
                    "precision": float(precision[i]),
                    "recall": float(recall[i]),
                    "f1": float(f1[i]),
                    "support": int(support[i]),
                }
                for i, label in enumerate(self.labels)
            },
            "confusion": confusion.tolist(),
            "labels": self.labels,
            "faces_per_second": len(self.truth) / max(self.seconds, 1e-9),
            "left_out": dict(self.problems.most_common()),
            "conditions": {name: under._compared(accuracy) for name, under in self.conditions.items()},
        }

    def _compared(self, undisturbed: float) -> dict[str, float]:
        values = self.to_dict()
        figures = {name: values[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "ece")}
        return {**figures, "points_lost": (undisturbed - values["accuracy"]) * 100}

    def reliability(self) -> list[tuple[float, float, int]]:
        """Mean confidence, accuracy and number of faces of each occupied bin of confidence."""
        predicted, confidence = self._answers()
        return self._bins(predicted, confidence)

    def _bins(self, predicted: NDArray[np.int64], confidence: NDArray[np.float64]) -> list[tuple[float, float, int]]:
        place = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        right = predicted == self.truth
        bins = []
        for number in range(CALIBRATION_BINS):
            inside = (place == number) & self.detected
            if inside.any():
                bins.append((float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())))
        return bins

    def _ece(self, predicted: NDArray[np.int64], confidence: NDArray[np.float64]) -> float:
        bins = self._bins(predicted, confidence)
        total = sum(count for _, _, count in bins)
        return sum(abs(sure - right) * count for sure, right, count in bins) / max(1, total)

    def _nll(self, indices: list[int]) -> float:
        probabilities = self.probabilities[self.detected].astype(np.float64)
        if not len(probabilities):
            return float("nan")
        own = probabilities[np.arange(len(probabilities)), self.truth[self.detected]] / np.maximum(
            probabilities[:, indices].sum(1), 1e-12
        )
        return float(np.abs(np.log(np.clip(own, 1e-12, 1.0))).mean())


def require_two_emotions(name: str, label: NDArray[np.int64]) -> list[str]:
    """The emotions that labels stand for.

    Raises:
        InputError: when there are fewer than two: answers are limited to them, so that all would be right.
    """
    present = [emotion for i, emotion in enumerate(EMOTIONS) if (label == i).any()]
    if not present:
        raise InputError(f"{name}: no picture has one of the labels {', '.join(EMOTIONS)}.")
    if len(present) == 1:
        raise InputError(
            f"{name}: all its labelled pictures are {present[0]}; give at least two emotions to tell apart."
        )
    return present


_BATCH = 32
"""Faces classified at once."""


def evaluate(
    data: LabelledFaces,
    classifier: EmotionClassifier,
    way: Literal["crops", "photos"] = "crops",
    *,
    detector: str = Detector.mediapipe,
    conditions: Mapping[str, Condition] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Asks the model about every labelled face.

    Args:
        data: labelled faces; those without a label are left out.
        classifier: the model.
        way: "crops" takes each picture as an already registered face; "photos" finds and registers the face as in a
            recording, and takes the one nearest the picture's middle.
        detector: the detector for photos.
        conditions: disturbances of the registered crop, such as :data:`fer_batch.evaluation.corruptions.CONDITIONS`,
            under each of which the model is asked again; no face is looked for again.
        on_progress: called with faces done and faces in all.

    Raises:
        InputError: when not at least two emotions have a picture that can be read.
    """
    require_two_emotions(data.name, data.label)
    labelled = np.flatnonzero(data.label >= 0)
    problems = Counter(data.problems)
    began = time.monotonic()
    if way == "crops":
        source = ready_crops(data, labelled, classifier)
    else:
        source = detected_crops(data, labelled, classifier.geometry, detector, colour=not classifier.gray)
    truth, crops, detected, answers = [], [], [], []
    disturbed: dict[str, list[NDArray[np.float32]]] = {name: [] for name in conditions or {}}
    aside = 0.0
    for done, (index, crop) in enumerate(source, 1):
        if crop is None:
            problems[data.problem(index)] += 1
        else:
            truth.append(data.label[index])
            crops.append(crop)
            detected.append(bool(len(crop)))
        if len(crops) >= _BATCH or (done == len(labelled) and crops):
            answers.append(_classify(classifier, crops))
            # Each batch under every condition before the next is read: a data set may be larger than memory.
            paused = time.monotonic()
            for name, condition in (conditions or {}).items():
                disturbed[name].append(_classify(classifier, [condition(c) if len(c) else c for c in crops]))
            aside += time.monotonic() - paused
            crops = []
        if on_progress is not None:
            on_progress(done, len(labelled))
    if not truth:
        raise InputError(f"{data.name}: none of its pictures can be read.")
    present = require_two_emotions(data.name, np.array(truth))
    seconds = time.monotonic() - began - aside
    result = Result(present, np.array(truth), np.concatenate(answers), np.array(detected), seconds, problems)
    under = {name: replace(result, probabilities=np.concatenate(parts)) for name, parts in disturbed.items()}
    return replace(result, conditions=under)


def _classify(classifier: EmotionClassifier, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    indices = [i for i, crop in enumerate(crops) if len(crop)]
    answers = np.zeros((len(crops), len(EMOTIONS)), np.float32)
    if indices:
        answers[indices] = classifier.classify(np.stack([crops[i] for i in indices]))
    return answers
