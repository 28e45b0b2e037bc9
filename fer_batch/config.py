"""What decides the numbers of a timeline."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite
from numbers import Integral, Real
from typing import Any

from fer_batch.errors import FerBatchWarning, InputError
from fer_batch.inference.device import Device
from fer_batch.video.pixel_limit import MAX_PIXELS, check_max_pixels

DEFAULT_MODEL = "emotion-gray48"

MINIMUM_SCORE = 0.5
"""Below this a detection is as likely a texture as a face."""


class Detector(StrEnum):
    """Ways of finding faces by their names on the command line."""

    auto = "auto"
    mediapipe = "mediapipe"
    short = "short"
    full = "full"

    @property
    def canonical(self) -> Detector:
        """The detector that a name stands for."""
        return {Detector.short: Detector.mediapipe, Detector.full: Detector.auto}.get(self, self)


WITHOUT_EFFECT = frozenset({"batch_size", "device", "max_pixels", "model"})
"""Settings that change no result, or that are compared by the model's checksum."""

_LEAST_FACE = 12
"""Pixels of height below which no face is registered sensibly."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The models and their parameters; stored with every result.

    Raises:
        InputError: for a value out of range.
    """

    model: str = DEFAULT_MODEL
    """A name of ``fer-batch models``, or the path of an .onnx file."""
    detector: str = "auto"
    """"auto" finds faces of any size by YuNet and has MediaPipe confirm them; "mediapipe" finds those within about two
    metres of the camera. "short" and "full" are former names of "mediapipe" and "auto", and are stored as these."""
    minimum_score: float = MINIMUM_SCORE
    """Detections with less confidence begin no track; those above 0.3 carry one on."""
    batch_size: int = 32
    """Faces that are classified at once. Changes speed, not results."""
    persons: bool = True
    """Whether faces are told apart by a recognition network, which joins tracks of one person within a recording."""
    device: str = "auto"
    """What the emotion model runs on: "cpu", "cuda", or "auto" for a graphics card where there is one that suits it."""
    max_pixels: int = MAX_PIXELS
    """Larger pictures are refused before memory is taken for them. Changes no result."""
    minimum_face: float | None = None
    """Height in pixels of the smallest face that is wanted; None for a height by the picture's size (see
    ``fer_batch.detection.finder``)."""

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise InputError(f"--model {self.model!r}: give a name or, as text, the path of an .onnx file.")
        if not isinstance(self.batch_size, Integral) or self.batch_size < 1:
            raise InputError(f"--batch-size {self.batch_size}: give a whole number from 1.")
        if not isinstance(self.minimum_score, Real) or not 0 < self.minimum_score < 1:
            raise InputError(f"--min-score {self.minimum_score}: give a number between 0 and 1.")
        if self.device not in list(Device):
            raise InputError(f"--device {self.device}: give auto, cpu or cuda.")
        if self.detector not in list(Detector):
            raise InputError(f"--detector {self.detector}: give {Detector.auto} or {Detector.mediapipe}.")
        if self.detector == Detector.full:
            warnings.warn("The detector full is another name of auto now.", FerBatchWarning, stacklevel=3)
        object.__setattr__(self, "detector", str(Detector(self.detector).canonical))
        if self.minimum_face is not None and not (
            isinstance(self.minimum_face, Real) and isfinite(self.minimum_face) and self.minimum_face >= _LEAST_FACE
        ):
            raise InputError(f"--min-face {self.minimum_face}: give a height in pixels, from {_LEAST_FACE}.")
        if self.minimum_face is not None:
            object.__setattr__(self, "minimum_face", float(self.minimum_face))
        check_max_pixels(self.max_pixels)
        if not isinstance(self.persons, bool):
            raise InputError(f"persons={self.persons!r}: give True or False.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
