"""Settings, selection of frames and outputs of an analysis. Imports nothing heavy."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from fer_batch.errors import FerBatchWarning, InputError, InvalidOptionError


class Device(StrEnum):
    """What a model runs on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


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


MAX_PIXELS: Final = 100_000_000
"""Pixels of a picture by default: photographs of 50 megapixels and 8K video (33 megapixels) lie below it."""


_HIGHEST: Final = 2**31 - 1
"""What FFmpeg can be told."""


def check_max_pixels(value: object) -> None:
    """Check a limit that a user gives.

    Raises:
        InputError: when it is no whole number from 1 on.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= _HIGHEST:
        raise InvalidOptionError("max_pixels", value, f"give a whole number of pixels, such as {MAX_PIXELS}")


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
            raise InvalidOptionError("model", self.model, "give a name or, as text, the path of an .onnx file")
        if not isinstance(self.batch_size, Integral) or self.batch_size < 1:
            raise InvalidOptionError("batch_size", self.batch_size, "give a whole number from 1")
        if not isinstance(self.minimum_score, Real) or not 0 < self.minimum_score < 1:
            raise InvalidOptionError("min_score", self.minimum_score, "give a number between 0 and 1")
        if self.device not in list(Device):
            raise InvalidOptionError("device", self.device, "give auto, cpu or cuda")
        if self.detector not in list(Detector):
            raise InvalidOptionError("detector", self.detector, f"give {Detector.auto} or {Detector.mediapipe}")
        if self.detector == Detector.full:
            warnings.warn("The detector full is another name of auto now.", FerBatchWarning, stacklevel=3)
        object.__setattr__(self, "detector", str(Detector(self.detector).canonical))
        if self.minimum_face is not None and not (
            isinstance(self.minimum_face, Real) and isfinite(self.minimum_face) and self.minimum_face >= _LEAST_FACE
        ):
            raise InvalidOptionError("min_face", self.minimum_face, f"give a height in pixels, from {_LEAST_FACE}")
        if self.minimum_face is not None:
            object.__setattr__(self, "minimum_face", float(self.minimum_face))
        check_max_pixels(self.max_pixels)
        if not isinstance(self.persons, bool):
            raise InvalidOptionError("persons", self.persons, "give True or False")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Options(TypedDict, total=False):
    """How a recording is analysed; every key may be left out.

    Keys:
        model: A name of ``fer-batch models`` or the path of an .onnx file.
        detector: "auto" (default) finds faces of any size by YuNet and has MediaPipe confirm them, "mediapipe"
            those within about two metres of the camera.
        minimum_score: Detections with less confidence begin no track; 0.5.
        minimum_face: Height in pixels of the smallest face that is wanted; by the picture's size unless given.
        persons: False: no face is told apart by a recognition network, and tracks of one person are not joined;
            True.
        batch_size: Faces classified at once; changes speed, not results; 32.
        device: What the emotion model runs on: "cpu", "cuda", or "auto" (default) for a graphics card where
            there is one.
        max_pixels: Larger pictures are refused before memory is taken for them; 100 million.
        every: Only every n-th frame.
        fps: At most this many frames a second; not together with ``every``.
        start_s: Seconds from the recording's start.
        end_s: Seconds from the recording's start, exclusive.
    """

    model: str
    detector: str
    minimum_score: float
    minimum_face: float
    persons: bool
    batch_size: int
    device: str
    max_pixels: int
    every: int
    fps: float
    start_s: float
    end_s: float


_OF_SELECTION = ("every", "fps", "start_s", "end_s")


def split_options(options: Options) -> tuple[Settings, Selection]:
    """The options as the two objects that the pipeline takes.

    Raises:
        InputError: for an unknown option or a value that makes no sense.
    """
    if unknown := [name for name in options if name not in Options.__annotations__]:
        raise InputError(f"No option is named {unknown[0]!r}; there are {', '.join(Options.__annotations__)}.")
    selection = {name: value for name, value in options.items() if name in _OF_SELECTION}
    settings = {name: value for name, value in options.items() if name not in _OF_SELECTION}
    return Settings(**settings), Selection(**selection)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Selection:
    """Frames by number and by time.

    Raises:
        InputError: for values that choose nothing or make no sense.
    """

    every: int = 1
    """Every n-th decoded frame, starting with frame 0."""
    fps: float | None = None
    """At most this many frames a second: the first frame, inside the range, of each interval of 1/fps seconds since the
    stream's start."""
    start_s: float = 0.0
    """Seconds from the stream's start, inclusive."""
    end_s: float | None = None
    """Exclusive; None for the recording's end."""

    def __post_init__(self) -> None:
        for option, value in (("every", self.every), ("fps", self.fps), ("start", self.start_s), ("end", self.end_s)):
            needed = option in {"every", "start"}
            if not isinstance(value, Real) and (needed or value is not None):
                raise InvalidOptionError(option, value, "give a number")
        if self.every < 1 or self.every % 1:
            raise InvalidOptionError("every", self.every, "give a whole number from 1")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise InvalidOptionError("fps", self.fps, "give a number above 0")
        if self.fps is not None and self.every != 1:
            raise InvalidOptionError("fps", self.fps, "excludes every-th frame selection; give one of the two")
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise InvalidOptionError("start", self.start_s, "give seconds from 0")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise InvalidOptionError("end", self.end_s, f"give a time after the start, {self.start_s:g} s")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


TimelineFormat = Literal["parquet", "csv", "both"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written, and where."""

    folder: Path
    timeline: TimelineFormat = "parquet"
    video: bool = True
