"""Observations gathered into Arrow batches of timeline rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from fer_batch.emotions import EMOTIONS
from fer_batch.results.schema import TIMELINE, emotion_array
from fer_batch.types import Observation

BATCH_ROWS: Final = 20_000
"""Rows of a Parquet row group: some 2 MB in memory, a quarter of an hour of one face at 25 frames a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RowBuffer:
    """Room for a fixed number of rows, copied in frame by frame and taken out as one batch.

    Copied, because an observation's arrays are often views of larger ones and would keep those alive.
    """

    def __init__(self, capacity: int = BATCH_ROWS) -> None:
        self.capacity = capacity
        self._count = 0
        self._frame = np.empty(capacity, np.int64)
        self._time = np.empty(capacity, np.float64)
        self._captured = np.empty(capacity, "datetime64[us]")
        self._track = np.empty(capacity, np.int32)
        self._box = np.empty((4, capacity), np.float32)
        self._score = np.empty(capacity, np.float32)
        self._probabilities = np.empty((len(EMOTIONS), capacity), np.float32)
        self._interpolated = np.empty(capacity, np.bool_)
        self._pose = np.empty((3, capacity), np.float32)
        self._sharpness = np.empty(capacity, np.float32)

    def __len__(self) -> int:
        return self._count

    @property
    def room(self) -> int:
        """Rows that still fit."""
        return self.capacity - self._count

    def append(self, observation: Observation) -> None:
        """Adds a row for each face, ordered by track.

        Raises:
            ValueError: when a face has no probabilities, or there are more faces than :attr:`room`.
        """
        faces = observation.detected
        if len(observation.probabilities) != len(faces):
            raise ValueError(
                f"frame {observation.frame}: {len(faces)} faces, probabilities for {len(observation.probabilities)}"
            )
        if len(faces) > self.room:
            raise ValueError(f"frame {observation.frame}: {len(faces)} faces, room for {self.room}")
        order = np.argsort(faces.tracks, kind="stable")
        rows = slice(self._count, self._count + len(faces))
        self._frame[rows] = observation.frame
        self._time[rows] = observation.time_s
        self._captured[rows] = _utc(observation.captured_at)
        self._track[rows] = faces.tracks[order]
        self._box[:, rows] = faces.boxes[order].T
        self._score[rows] = faces.scores[order]
        self._probabilities[:, rows] = observation.probabilities[order].T
        self._interpolated[rows] = faces.interpolated[order]
        self._pose[:, rows] = observation.poses[order].T if len(observation.poses) else np.nan
        self._sharpness[rows] = observation.sharpness[order] if len(observation.sharpness) else np.nan
        self._count = rows.stop

    def take(self) -> pa.RecordBatch:
        """The rows so far in the columns of ``TIMELINE``; the buffer is empty afterwards."""
        count, self._count = self._count, 0
        probabilities = self._probabilities[:, :count]
        columns = [
            self._frame[:count],
            self._time[:count],
            self._captured[:count],
            self._track[:count],
            *self._box[:, :count],
            self._score[:count],
            *probabilities,
            emotion_array(probabilities.argmax(axis=0).astype(np.int8)),
            probabilities.max(axis=0),
            self._interpolated[:count],
            *self._pose[:, :count],
            self._sharpness[:count],
        ]
        # Arrow would take over NumPy's memory where it can, and the next rows go there. What is not known is null and
        # not NaN, which would swallow the sums and means of a database.
        arrays = [
            pa.array(column.copy(), field.type, from_pandas=True) if isinstance(column, np.ndarray) else column
            for column, field in zip(columns, TIMELINE, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=TIMELINE)


def whole_groups(batches: Iterable[pa.RecordBatch], capacity: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The same rows in the batches that one :class:`RowBuffer` would have given: as many whole frames as it holds."""
    rest = pa.RecordBatch.from_pylist([], TIMELINE)
    for batch in batches:
        rest = pa.concat_batches([rest, batch.replace_schema_metadata(None)])
        while rest.num_rows > capacity:
            frames = rest["frame"].to_numpy()
            # Where the frame begins of which not all rows fit.
            cut = int(np.searchsorted(frames, frames[capacity]))
            yield rest.slice(0, cut)
            rest = rest.slice(cut)
    if rest.num_rows:
        yield rest


def _utc(moment: datetime | None) -> np.datetime64:
    """Microseconds since 1970; Arrow reads NumPy's not-a-time as null."""
    return np.datetime64("NaT", "us") if moment is None else np.datetime64((moment - _EPOCH) // _MICROSECOND, "us")
