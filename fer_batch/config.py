"""Settings, selection of frames and outputs of an analysis. Imports nothing heavy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from fer_batch.errors import FerBatchWarning, InputError, InvalidOptionError
from fer_batch.options.table import FORMER_NAMES, OPTIONS, SELECTION_OPTIONS, described
from fer_batch.options.times import parse_time


class Device(StrEnum):
    """What a model runs on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DEFAULT_MODEL: Final[str] = OPTIONS["model"].default
MINIMUM_SCORE: Final[float] = OPTIONS["min_score"].default
MAX_PIXELS: Final[int] = OPTIONS["max_pixels"].default


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


WITHOUT_EFFECT: Final = frozenset(
    {option.stored_name for option in OPTIONS.values() if not option.changes_results} | {"model"}
)
"""Settings that change no result, or that are compared by the model's checksum."""


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
        for option in OPTIONS.values():
            if option.name not in SELECTION_OPTIONS:
                option.check(getattr(self, option.stored_name))
        if self.detector == Detector.full:
            warnings.warn("The detector full is another name of auto now.", FerBatchWarning, stacklevel=3)
        object.__setattr__(self, "detector", str(Detector(self.detector).canonical))
        if self.minimum_face is not None:
            object.__setattr__(self, "minimum_face", float(self.minimum_face))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Options(TypedDict, total=False):
    """How a recording is analysed; every key may be left out."""

    every: int
    fps: float
    start: float | str
    end: float | str
    detector: str
    min_score: float
    min_face: float
    persons: bool
    model: str
    device: str
    batch_size: int
    max_pixels: int


Options.__doc__ = f"{Options.__doc__}\n\n    Keys:\n{described()}\n"


def split_options(options: Mapping[str, Any]) -> tuple[Settings, Selection]:
    """The options as the two objects that the pipeline takes.

    Args:
        options: by name; names of earlier versions give a ``DeprecationWarning``.

    Raises:
        InputError: for an unknown option or a value that makes no sense.
    """
    named = with_today_names(options)
    if unknown := [name for name in named if name not in OPTIONS]:
        raise InputError(f"No option is named {unknown[0]!r}; there are {', '.join(OPTIONS)}.")
    stored = {OPTIONS[name].stored_name: value for name, value in named.items()}
    for name in ("start", "end"):
        if isinstance(value := named.get(name), str):
            try:
                stored[OPTIONS[name].stored_name] = parse_time(value)
            except ValueError as error:
                raise InvalidOptionError(name, value, OPTIONS[name].expected) from error
    of_selection = {OPTIONS[name].stored_name for name in SELECTION_OPTIONS}
    selection = {name: value for name, value in stored.items() if name in of_selection}
    settings = {name: value for name, value in stored.items() if name not in of_selection}
    return Settings(**settings), Selection(**selection)


def with_today_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by today's names; each former name gives a ``DeprecationWarning``.

    Raises:
        InputError: when an option is given by both of its names.
    """
    named: dict[str, Any] = {}
    for name, value in options.items():
        today = FORMER_NAMES.get(name, name)
        if today != name:
            warnings.warn(f"The option {name} is called {today} now.", DeprecationWarning, stacklevel=3)
        if today in named or (today != name and today in options):
            raise InputError(f"{today} is given twice, as {name} too; leave one of them out.")
        named[today] = value
    return named


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
        for name in SELECTION_OPTIONS:
            OPTIONS[name].check(getattr(self, OPTIONS[name].stored_name))
        if self.fps is not None and self.every != 1:
            raise InvalidOptionError("fps", self.fps, "excludes the option every; give one of the two")
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
