"""The columns of timelines, tracks and episodes, and what a file says about how it came to be.

A new column goes at the end of its schema, with a higher ``SCHEMA_VERSION``; none is renamed or moved. Files from
before then read as null in that column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from fer_batch.emotions import EMOTIONS
from fer_batch.utils.jsonable import plain
from fer_batch.utils.text import valid
from fer_batch.version import __version__

SCHEMA_VERSION: Final = 2

EMOTION_TYPE: Final = pa.dictionary(pa.int8(), pa.string())

TIMELINE: Final = pa.schema(
    [
        ("frame", pa.int64()),
        ("time_s", pa.float64()),
        ("captured_at", pa.timestamp("us", "UTC")),
        ("track", pa.int32()),
        *((name, pa.float32()) for name in ("x", "y", "width", "height", "score", *EMOTIONS)),
        ("emotion", EMOTION_TYPE),
        ("confidence", pa.float32()),
        ("interpolated", pa.bool_()),
        *((name, pa.float32()) for name in ("yaw", "pitch", "roll", "sharpness")),
    ]
)
"""One row a face in an analysed frame; ``recording`` is not in the file but in its partition folder's name."""

TRACKS: Final = pa.schema(
    [
        ("track", pa.int32()),
        ("first_time_s", pa.float64()),
        ("last_time_s", pa.float64()),
        ("frames", pa.int64()),
        *((name, pa.float32()) for name in ("x", "y", "width", "height", "score", *EMOTIONS)),
        ("emotion", EMOTION_TYPE),
        ("emotion_share", pa.float32()),
        ("person", pa.int32()),
    ]
)
"""One row a track: ``frames`` counts its rows in the timeline, box, score and probabilities are their means,
``emotion`` is the most frequent one and ``emotion_share`` its share of the rows, 0 to 1. Tracks of one ``person``,
from 1 within the recording, look like one person's; null where that was not wanted."""


EPISODES: Final = pa.schema(
    [
        ("track", pa.int32()),
        ("emotion", EMOTION_TYPE),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("duration_s", pa.float64()),
        ("peak_s", pa.float64()),
        ("peak", pa.float32()),
        ("mean_probability", pa.float32()),
        ("frames", pa.int64()),
    ]
)
"""One row an episode. Times are presentation times, as the timeline's: ``start_s`` of the first row of the track in it,
``end_s`` of the first row after it, so that episodes that follow each other meet; where the track ends or pauses, the
last row lasts as long as the shortest time between two analysed frames with faces up to then. (A photo has no such
time, so no episode.) ``duration_s`` is their difference, ``frames`` counts the rows. ``peak`` is the highest smoothed
probability of the emotion and ``peak_s`` the time of that row; ``mean_probability`` is the mean of the timeline's own
probabilities. Each row group is ordered by track and start."""


def emotion_array(indices: Any) -> pa.DictionaryArray:
    """Emotions from an array of int8 indices into ``EMOTIONS``; the dictionary is always the whole list."""
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(EMOTIONS, pa.string()))


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a file came to be: what its key-value metadata holds under ``fer_batch.*``."""

    settings: Mapping[str, Any]
    model: str
    """Name of the emotion model."""
    model_sha256: str

    def metadata(self) -> dict[bytes, bytes]:
        """Parquet key-value metadata, UTF-8; the settings as one JSON object with sorted keys."""
        return {
            b"fer_batch.schema_version": str(SCHEMA_VERSION).encode(),
            b"fer_batch.settings": json.dumps(plain(self.settings), ensure_ascii=False, sort_keys=True).encode(),
            b"fer_batch.model": valid(self.model).encode(),
            b"fer_batch.model_sha256": self.model_sha256.encode(),
            b"fer_batch.version": __version__.encode(),
        }


_SUMS: Final = {
    "rows": "Int64",
    "seen_s": "Float64",
    "first_time_s": "Float64",
    "last_time_s": "Float64",
    **{f"{emotion}_{what}": "Float64" for what in ("share", "mean") for emotion in EMOTIONS},
    **{f"{emotion}_episodes": "Int64" for emotion in EMOTIONS},
    **{f"{emotion}_s": "Float64" for emotion in EMOTIONS},
}


TRACK_TYPES: Final = {"recording": "string", "track": "Int32", "person": "Int32", **_SUMS}


RECORDING_TYPES: Final = {
    "recording": "string",
    "status": "string",
    "error": "string",
    "kind": "string",
    "duration_s": "Float64",
    "tracks": "Int64",
    "persons": "Int64",
    **_SUMS,
}
