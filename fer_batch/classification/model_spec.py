"""How an emotion model wants its faces and what its numbers mean: read from the ONNX file, or from a file beside it.

A model exported by ``fer-batch train`` carries a JSON object under the metadata key ``fer_batch``. For any other model
the same object goes into a sidecar named like the model with ``.json`` for ``.onnx``. Every key but ``labels`` may be
left out::

    {
      "labels": ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"],
      "geometry": {"size": 64},
      "colour": "gray",
      "mean": [0.0],
      "std": [1.0],
      "layout": "nchw",
      "output": "logits",
      "mirror": false,
      "temperature": 1.0,
      "heads": {}
    }

``heads`` names further outputs of the file that answer the same question in another way, with the same labels and the
same ``output``, each with a temperature of its own: ``{"fer2013": {"temperature": 1.3}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS, emotion_index
from fer_batch.errors import ModelError
from fer_batch.faces.alignment import CropGeometry

METADATA_KEY = "fer_batch"
"""Key of the ONNX file's metadata that holds the description."""

_FACTS = "training"
"""Key under which an exported file tells how it was trained; nothing is read from it."""

DROPPED_LABELS = frozenset({"contempt"})
"""Labels that a model may have and timelines have not: their share goes to the seven emotions in proportion, by leaving
their logit out of the softmax."""

MAIN_HEAD = "main"
"""What a model's own answer is called: the first output that is none of ``ModelSpec.heads``."""

FER2013_HEAD = "fer2013"
"""The output that answers as FER2013's own labels do, where the main one answers as FER+'s voters do."""

Colour = Literal["gray", "rgb", "bgr"]

_LARGEST = 1e9
"""Of any number; infinities and NaN are none."""
_SMALLEST = 1e-3
"""Of what numbers are divided by: less would make nothing but infinities of them."""


@dataclass(frozen=True, slots=True)
class Head:
    """A further output of a model, with the same labels.

    Raises:
        ValueError: for values that make no sense.
    """

    name: str
    """The output's name in the ONNX file."""
    temperature: float = 1.0
    """Divides its logits before softmax."""

    def __post_init__(self) -> None:
        if self.name in {"", MAIN_HEAD}:
            raise ValueError(f"heads: {self.name!r} cannot be a head's name")
        _check_temperature(self.temperature, f"heads: the temperature of {self.name}")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model's input and output.

    Raises:
        ValueError: for values that contradict each other or are not known.
    """

    labels: tuple[str, ...]
    """What the outputs stand for, in their order; "anger", "sadness" and the like are understood."""
    geometry: CropGeometry = field(default_factory=CropGeometry)
    """The crop's side and where the face lies in it."""
    colour: Colour = "gray"
    mean: tuple[float, ...] = (0.0,)
    """Subtracted from gray levels 0 to 255; one value, or one a channel."""
    std: tuple[float, ...] = (1.0,)
    """Divides what is left."""
    layout: Literal["nchw", "nhwc"] = "nchw"
    output: Literal["logits", "probabilities"] = "logits"
    mirror: bool = False
    """Whether a face is classified together with its mirror image, logits averaged: steadier, at twice the cost."""
    temperature: float = 1.0
    """Divides the logits before softmax (Guo et al. 2017)."""
    heads: tuple[Head, ...] = ()
    """Further outputs, by which the model can answer instead."""

    def __post_init__(self) -> None:
        emotion_indices = sorted(emotion_index(label) for label in self.labels if label.lower() not in DROPPED_LABELS)
        if emotion_indices != list(range(len(EMOTIONS))):
            raise ValueError(f"labels must name each of {', '.join(EMOTIONS)} once, and may name contempt")
        for name, value, allowed in (
            ("colour", self.colour, ("gray", "rgb", "bgr")),
            ("layout", self.layout, ("nchw", "nhwc")),
            ("output", self.output, ("logits", "probabilities")),
        ):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; expected {' or '.join(allowed)}")
        if not isinstance(self.mirror, bool):
            raise ValueError(f"mirror is {self.mirror!r}; expected true or false")
        _check_temperature(self.temperature, "temperature")
        if not all(isfinite(value) for value in (*self.mean, *self.std)):
            raise ValueError("mean and std must be finite")
        if len(self.mean) not in {1, self.channels} or len(self.std) not in {1, self.channels}:
            raise ValueError(f"mean and std must have one value or {self.channels}")
        if min(self.std) < _SMALLEST:
            raise ValueError(f"std must be at least {_SMALLEST:g}")
        if len({head.name for head in self.heads}) < len(self.heads):
            raise ValueError("heads: each must have a name of its own")

    @property
    def channels(self) -> int:
        """1 or 3."""
        return 1 if self.colour == "gray" else 3

    @property
    def order(self) -> NDArray[np.intp]:
        """(7,) the model's output for each of ``EMOTIONS``."""
        places = [emotion_index(label) for label in self.labels]
        return np.array([places.index(i) for i in range(len(EMOTIONS))], np.intp)

    @property
    def temperatures(self) -> dict[str, float]:
        """What divides the logits of each answer that the model can give: ``MAIN_HEAD`` and then ``heads``."""
        return {MAIN_HEAD: self.temperature, **{head.name: head.temperature for head in self.heads}}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "heads": {head.name: {"temperature": head.temperature} for head in self.heads}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """The reverse of :meth:`to_dict`; keys that are no field are passed over.

        Raises:
            KeyError: without ``labels``.
            TypeError: for values of the wrong kind.
            ValueError: see the class.
        """
        plain: dict[str, Any] = {name: values[name] for name in cls.__slots__ if name in values}
        plain["labels"] = tuple(str(label) for label in values["labels"])
        plain["geometry"] = CropGeometry.from_dict(values.get("geometry", {}))
        for name in ("mean", "std"):
            numbers = values.get(name, 0.0 if name == "mean" else 1.0)
            values_of = numbers if isinstance(numbers, list | tuple) else [numbers]
            if not all(_is_number(value) for value in values_of):
                raise ValueError(f"{name} is {numbers!r}; expected finite numbers, one or one a channel")
            plain[name] = tuple(float(value) for value in values_of)
        plain["heads"] = _heads(values.get("heads", {}))
        return cls(**plain)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _check_temperature(value: object, name: str) -> None:
    if not _is_number(value) or not value > _SMALLEST:  # type: ignore[operator]
        raise ValueError(f"{name} must be above {_SMALLEST:g} and finite")


def _heads(entry: object) -> tuple[Head, ...]:
    if not isinstance(entry, Mapping) or not all(isinstance(one, Mapping) for one in entry.values()):
        raise TypeError('heads must name each output with its values, such as {"fer2013": {"temperature": 1.3}}')
    return tuple(Head(str(name), one.get("temperature", 1.0)) for name, one in entry.items())


def read_spec(path: Path, metadata: Mapping[str, str]) -> ModelSpec:
    """The description of an ONNX file; a sidecar beside it comes before its own metadata.

    Args:
        path: the model.
        metadata: the file's own key-value metadata.

    Raises:
        ModelError: when there is none, or it cannot be used.
    """
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file() and METADATA_KEY not in metadata:
        raise ModelError(
            f"{path}: does not say its labels and input; describe them in {sidecar.name} beside it, "
            "or export the model with fer-batch train."
        )
    place = sidecar if sidecar.is_file() else path
    try:
        text = sidecar.read_text(encoding="utf-8") if sidecar.is_file() else metadata[METADATA_KEY]
        values = json.loads(text)
        if not isinstance(values, Mapping):
            raise TypeError("expected an object with the key labels")
        unknown = sorted(set(values) - set(ModelSpec.__slots__) - {_FACTS})
        if unknown and sidecar.is_file():
            # A misspelt key would change the model's numbers without a word.
            raise ValueError(f"unknown key {unknown[0]!r}; there are {', '.join(ModelSpec.__slots__)}")
        return ModelSpec.from_dict(values)
    except KeyError as error:
        raise ModelError(f"{place}: the model's description lacks {error}; add it.") from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{place}: the model's description cannot be used ({str(error)[:200]}); correct it."
        ) from error
