"""The table of options: name, type, unit, default, range and help of each, and whether it changes results.

The command line, ``fer_batch.Options``, settings files and the errors about wrong values are made from it, so that each
option has the same name, the same default and the same words everywhere.
"""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real
from typing import Any, Final, NamedTuple

from fer_batch.errors import InvalidOptionError


class Option(NamedTuple):
    """One option."""

    name: str
    """As in Python; on the command line with ``--`` and ``-`` for ``_``."""
    kind: type
    """What a value is: bool, int, float or str."""
    help: str
    """What it does, in the imperative."""
    default: Any = None
    metavar: str = ""
    """What stands for the value in help texts, with its unit: ``SECONDS``, ``PIXELS``."""
    expected: str = ""
    """What to give, for the error about a wrong value."""
    above: float | None = None
    """Values must be larger."""
    least: float | None = None
    most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    changes_results: bool = True
    field: str = ""
    """Name in the settings that are stored with results, where that is another one: records keep the names of old."""

    @property
    def stored_name(self) -> str:
        """Name in records, Parquet metadata and the columns of ``fer_batch.recordings``."""
        return self.field or self.name

    def check(self, value: object) -> None:
        """Check a value; None stands for no value where the default is None.

        Raises:
            InvalidOptionError: when it makes no sense.
        """
        if value is None and self.default is None:
            return
        if not self._takes(value):
            raise InvalidOptionError(self.name, value, self.expected)

    def _takes(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        if self.kind in (bool, str):
            return isinstance(value, self.kind)
        kind = Integral if self.kind is int else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        # A whole number may be too large for a float, and is finite anyway.
        number: Any = value
        if not isinstance(value, Integral) and not isfinite(number):
            return False
        return (
            (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )


MINIMUM_SCORE: Final = 0.5
"""Below this a detection is as likely a texture as a face."""
MAX_PIXELS: Final = 100_000_000
"""Pixels of a picture by default: photographs of 50 megapixels and 8K video (33 megapixels) lie below it."""
LEAST_FACE: Final = 12
"""Pixels of height below which no face is registered sensibly."""
_HIGHEST_PIXELS: Final = 2**31 - 1
"""The largest limit that FFmpeg takes."""
DEFAULT_MODEL: Final = "emotion-gray48"

_OPTIONS: Final = (
    Option(
        "every",
        int,
        "Analyse every N-th frame.",
        1,
        "N",
        "give a whole number from 1",
        least=1,
    ),
    Option(
        "fps",
        float,
        "Analyse at most X frames per second; excludes every.",
        metavar="X",
        expected="give a number above 0",
        above=0,
    ),
    Option(
        "start",
        float,
        "Begin at this time: seconds, m:ss or h:mm:ss.",
        0.0,
        "TIME",
        "give a time from 0 on, in seconds or as h:mm:ss",
        least=0,
        field="start_s",
    ),
    Option(
        "end",
        float,
        "End before this time.",
        metavar="TIME",
        expected="give a time after the start, in seconds or as h:mm:ss",
        above=0,
        field="end_s",
    ),
    Option(
        "detector",
        str,
        "Face detector. auto: YuNet, with unsure faces confirmed by MediaPipe, for faces of any size; mediapipe: "
        "MediaPipe alone, for faces within about 2 m. short and full are former names of mediapipe and auto.",
        "auto",
        expected="give auto or mediapipe",
        choices=("auto", "mediapipe", "short", "full"),
    ),
    Option(
        "min_score",
        float,
        "Minimum detection confidence to start a track, 0 to 1.",
        MINIMUM_SCORE,
        "X",
        "give a number between 0 and 1",
        above=0,
        below=1,
        field="minimum_score",
    ),
    Option(
        "min_face",
        float,
        f"Minimum height of faces to search for, from {LEAST_FACE} pixels; by default 24 at widths up to 640, 42 at "
        "1080p and 59 at 4K.",
        metavar="PIXELS",
        expected=f"give a height in pixels, from {LEAST_FACE:g}",
        least=LEAST_FACE,
        field="minimum_face",
    ),
    Option(
        "persons",
        bool,
        "Join the tracks of one person within a recording by face recognition; embeddings are deleted afterwards.",
        True,
        expected="give True or False",
    ),
    Option(
        "model",
        str,
        "Name of a shipped emotion model, or path of an .onnx file.",
        DEFAULT_MODEL,
        "MODEL",
        "give a name or, as text, the path of an .onnx file",
    ),
    Option(
        "device",
        str,
        "Hardware for the emotion model. auto: the graphics card if ONNX Runtime finds one and the model is a float "
        "model, else the processor.",
        "auto",
        expected="give auto, cpu or cuda",
        choices=("auto", "cpu", "cuda"),
        changes_results=False,
    ),
    Option(
        "batch_size",
        int,
        "Faces classified at once; changes speed, not results.",
        32,
        "N",
        "give a whole number from 1",
        least=1,
        changes_results=False,
    ),
    Option(
        "max_pixels",
        int,
        "Maximum pixels per picture; larger ones are refused before they are decoded.",
        MAX_PIXELS,
        "PIXELS",
        f"give a whole number of pixels, such as {MAX_PIXELS}",
        least=1,
        most=_HIGHEST_PIXELS,
        changes_results=False,
    ),
)

OPTIONS: Final[dict[str, Option]] = {option.name: option for option in _OPTIONS}
"""Options of how a recording is analysed, by name."""
OPTION_NAMES: Final = {option.stored_name: option.name for option in _OPTIONS}
"""Names of options by those under which they are stored."""
SELECTION_OPTIONS: Final = ("every", "fps", "start", "end")
"""Those of them that select frames."""
FORMER_NAMES: Final = {
    **{option.field: option.name for option in _OPTIONS if option.field},
    "timeline": "format",
    "connect_timeout_s": "connect_timeout",
    "read_timeout_s": "read_timeout",
}
"""Names of options in earlier versions, with today's."""


def described(indent: str = "        ") -> str:
    """Return a line for each option: what it does, and its default."""
    lines = []
    for option in OPTIONS.values():
        default = "" if option.default is None else f" Default: {option.default!r}."
        lines.append(f"{indent}{option.name}: {option.help}{default}")
    return "\n".join(lines)
