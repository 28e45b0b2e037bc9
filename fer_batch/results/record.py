"""The document about one recording: whether it is done, what it was, what it was analysed with."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Self, get_args

from fer_batch.errors import FerBatchError, InputError, OptionHint, OptionWords, python_words, worded
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.results.schema import SCHEMA_VERSION
from fer_batch.utils.jsonable import plain
from fer_batch.version import RESULTS_VERSION, __version__

Status = Literal["done", "failed", "partial"]

_LIVE_COUNTS: Final = {
    "next_part": 10**8,
    "next_frame": 2**53,
    "next_track": 2**31 - 1,
    "sessions": 2**31,
    "gap_count": 2**31,
}
"""Numbers of live recordings and what they stay below: parts have eight digits, tracks are 32 bits."""

_DISTRIBUTIONS: Final = {
    "mediapipe": ("mediapipe",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "av": ("av",),
    "opencv": ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless"),
    "pyarrow": ("pyarrow",),
}


def _integer(digits: str) -> int:
    """A whole number of JSON, which tables must be able to hold."""
    if len(digits) > 20 or abs(number := int(digits)) >= 2**63:
        raise ValueError("a number is too large")
    return number


def _number(text: str) -> float:
    """A number of JSON that is none of the infinities and no NaN."""
    if not math.isfinite(number := float(text)):
        raise ValueError("a number is not finite")
    return number


def installed_versions() -> dict[str, str]:
    """Versions of Python, fer-batch and what it computes with, read without importing any; "" for one not installed."""
    versions = {name: _version(distributions) for name, distributions in _DISTRIBUTIONS.items()}
    return {"python": platform.python_version(), "fer_batch": __version__, **versions}


@cache
def _version(distributions: tuple[str, ...]) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


@dataclass(slots=True)
class RecordingRecord:
    """``recordings/<id>.json``."""

    id: str
    source: str
    """Absolute path, links kept."""
    status: Status
    """"partial": broken off or damaged, with the rows up to there."""
    started_at: datetime
    """UTC."""
    finished_at: datetime
    """UTC."""
    error: str | None = None
    """The sentence shown to the user."""
    probe: dict[str, Any] = field(default_factory=dict)
    input: dict[str, int] = field(default_factory=dict)
    """What the file was: ``size_bytes`` and ``modified_ns``, nanoseconds since 1970; empty where it was not there."""
    settings: dict[str, Any] = field(default_factory=dict)
    model: dict[str, str] = field(default_factory=dict)
    """``name`` and ``sha256`` of the emotion model, and the ``device`` it ran on."""
    counts: dict[str, int] = field(default_factory=dict)
    """Such as frames_decoded, frames_analysed, rows, tracks, episodes, damaged_packets."""
    files: list[str] = field(default_factory=list)
    """What was written, by paths below the output folder; the folder of the parts for Parquet."""
    versions: dict[str, str] = field(default_factory=installed_versions)
    retry: bool = True
    """Whether a later run does it again though neither the input nor the settings have changed: what failed, was
    interrupted or lacks its annotated copy, but not what is partial because the input is damaged."""
    schema_version: int = SCHEMA_VERSION
    results_version: int = RESULTS_VERSION
    """Results of other versions differ for the same recording and settings; 0 for a document that has none."""
    notes: list[dict[str, str]] = field(default_factory=list)
    """What was left out, mixed down, guessed or passed over: ``code`` and ``text`` of each."""
    remedies: list[dict[str, Any]] = field(default_factory=list)
    """What options can do about ``error``: ``option``, ``value`` and ``advice`` of each, see
    :class:`fer_batch.errors.OptionHint`."""
    tables: dict[str, list[int]] = field(default_factory=dict)
    """Bytes, footer's checksum and rows of each Parquet file, by its path below the output folder; see
    :mod:`fer_batch.results.integrity`."""
    live: dict[str, Any] = field(default_factory=dict)
    """Of live sources only: how far the recording is and where its gaps are; see ``fer_batch.live.recorder``."""

    def explain(self, error: FerBatchError) -> None:
        """Store what an error says, and apart from it what options can do about it."""
        self.error, self.remedies = error.problem, [hint._asdict() for hint in error.remedies]

    def worded(self, words: OptionWords = python_words) -> str | None:
        """The stored error in the words of one side, see :func:`fer_batch.errors.worded`."""
        return self.error and worded(
            self.error, [OptionHint(hint["option"], hint["value"], hint["advice"]) for hint in self.remedies], words
        )

    def write(self, path: Path) -> None:
        """Writes the document, atomically.

        Raises:
            OutputError: when it cannot be written.
        """
        text = json.dumps(plain(asdict(self)), ensure_ascii=False, indent=2, allow_nan=False)
        with whole(path) as temporary, explained(path):
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """A document back; keys from a later version are passed over, those that an earlier one lacks get defaults.

        Raises:
            InputError: when it is missing or not such a document.
        """
        try:
            if not path.is_file():
                raise ValueError("no regular file")
            text = path.read_text(encoding="utf-8")
            values = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_number)
            if "\\ud" in text.lower():
                # Halves of characters, which no table can hold, are refused by this.
                json.dumps(values, ensure_ascii=False).encode()
            for key in ("started_at", "finished_at"):
                values[key] = datetime.fromisoformat(values[key])
            values.setdefault("retry", values["status"] != "done")
            values.setdefault("results_version", 0)
            record = cls(**{column.name: values[column.name] for column in fields(cls) if column.name in values})
            record._check()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}: not a readable recording document; analyze the recording again.") from error
        return record

    def _check(self) -> None:
        """Checks every value that something is worked out from: an output folder may come from anywhere.

        Raises:
            ValueError: for a value of the wrong kind.
        """
        kinds: tuple[tuple[object, type | UnionType], ...] = (
            (self.id, str),
            (self.source, str),
            (self.error, str | None),
            (self.retry, bool),
            (self.schema_version, int),
            (self.results_version, int),
            *((one, dict) for one in (self.probe, self.settings, self.live)),
            *((one, int) for part in (self.input, self.counts) for one in part.values()),
            *((one, str) for part in (self.model, self.versions) for one in part.values()),
            *((one, str) for one in self.files),
            *((one, int) for numbers in self.tables.values() for one in numbers),
            *((note[key], str) for note in self.notes for key in ("code", "text")),
            *((hint[key], str) for hint in self.remedies for key in ("option", "advice")),
            *((hint["value"], str | int | float | None) for hint in self.remedies),
            *((self.probe.get(name), int | None) for name in ("width", "height", "frames", "size_bytes")),
            *((self.probe.get(name), int | float | None) for name in ("duration_s", "frame_rate")),
            (self.probe.get("kind"), str | None),
            *((self.settings.get(name), str | None) for name in ("model", "detector", "device")),
            (self.settings.get("persons"), bool | None),
            (self.settings.get("selection", {}), dict),
            *((one, int | float | None) for one in self.settings.get("selection", {}).values()),
            *((self.live.get(name, 0), int) for name in _LIVE_COUNTS),
            (self.live.get("last_s", 0.0), int | float),
            (self.live.get("gaps", []), list),
        )
        lists = isinstance(self.files, list) and isinstance(self.notes, list)
        right = all(isinstance(value, kind) for value, kind in kinds) and self.status in get_args(Status)
        right = right and all(0 <= self.live.get(name, 0) < bound for name, bound in _LIVE_COUNTS.items())
        right = right and all(1970 <= time.year < 9999 for time in (self.started_at, self.finished_at))
        if not (lists and right) or "\0" in self.id + self.source:
            raise ValueError("a value is of the wrong kind")
