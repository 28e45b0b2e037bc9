"""Base of the tables that grow with a recording: observations in, Arrow batches out, whole files only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from fer_batch.emotions import EMOTIONS
from fer_batch.filesystem.atomic import PendingFile, explained
from fer_batch.results.schema import TIMELINE, emotion_array
from fer_batch.types import Observation


class TableWriter(ABC):
    """A context manager that takes observations in the order of their frames and uses the same memory for any number.

    The file is at ``path`` once the block has ended; a block left by an exception leaves nothing. Without any row it is
    a valid file with no rows.

    A file that takes long to grow can be taken away in parts, see :meth:`part`; it is put together at the end.

    Raises:
        OutputError: from entering, :meth:`write`, :meth:`part`, :meth:`finish` and leaving, when the file cannot be
            written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        """Rows of the file so far, written or waiting."""
        self.parts: list[Path] = []
        """Where the parts lie that were taken away, in their order: whoever took them says so."""
        self._is_open = False
        """Whether the open file has rows."""
        self._sound = True
        self._finished = False
        self._open = ExitStack()

    @abstractmethod
    def _writing(self, path: Path) -> AbstractContextManager[Callable[[pa.RecordBatch], None]]:
        """Opens the file as a function that adds rows; leaving it completes the file."""

    @abstractmethod
    def _join(self, parts: list[Path], path: Path) -> None:
        """Makes the parts one file, as it would be if none had been taken away; memory as for writing."""

    @abstractmethod
    def _take(self) -> pa.RecordBatch:
        """The rows that wait to be written, and wait no longer."""

    @abstractmethod
    def write(self, observation: Observation) -> None:
        """Adds what a frame gives.

        Raises:
            OutputError: when the file cannot be written.
            ValueError: when a face has no probabilities.
        """

    def part(self) -> Path | None:
        """Completes what was written as a file of its own, not yet safe on the disk, and goes on in another one.

        The file is the caller's, who puts it somewhere and adds that to :attr:`parts`. None where nothing was written.
        """
        if not self._is_open:
            return None
        with explained(self.path):
            self._open.close()
        part = self._pending.temporary
        self._begin()
        return part

    def get_state(self) -> dict[str, Any]:
        """What is remembered beside the parts, as plain values and arrays; after :meth:`part`."""
        return {"rows": self.rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave; :attr:`parts` are set by the caller."""
        self.rows = state["rows"]

    def __enter__(self) -> Self:
        self._begin()
        return self

    def _begin(self) -> None:
        self._open, self._is_open = ExitStack(), False
        self._pending = PendingFile(self.path)
        try:
            with explained(self.path):
                self._add = self._open.enter_context(self._writing(self._pending.temporary))
        except BaseException:
            self._discard()
            raise

    def finish(self) -> None:
        """Completes the file, which still waits beside its place: what may fail for want of room has then been done.

        Raises:
            RuntimeError: when rows were lost by a write that failed before.
        """
        self._flush()
        if not self._sound:
            raise RuntimeError(f"rows of {self.path.name} were lost by a failed write")
        with explained(self.path):
            self._open.close()
        if self.parts:
            self._concatenate()
        self._finished = True

    def _concatenate(self) -> None:
        last, whole = self._pending, PendingFile(self.path)
        self._pending = whole
        try:
            with explained(self.path):
                self._join([*self.parts, last.temporary], whole.temporary)
        finally:
            with suppress(OSError):
                last.temporary.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or not self._sound:
            self._discard()
            return
        try:
            if not self._finished:
                self.finish()
            self._pending.publish()
        except BaseException:
            self._discard()
            raise

    def _flush(self) -> None:
        rows = self._take()
        if rows.num_rows:
            # Rows that a failed write has lost must not be missing from a file that looks whole.
            sound, self._sound = self._sound, False
            with explained(self.path):
                self._add(rows)
            self._sound, self._is_open = sound, True

    def _discard(self) -> None:
        # Closing may fail for the reason that writing failed, which is the one to report.
        with suppress(Exception):
            self._open.close()
        self._pending.discard()


class TimelineTableWriter(TableWriter):
    """A file of the timeline, in the columns of ``TIMELINE``: a row for each face."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._buffer = RowBuffer()

    def write(self, observation: Observation) -> None:
        """Adds a row for each face; errors as of every writer."""
        if len(observation) > self._buffer.room:
            self._flush()
        self._buffer.append(observation)
        self.rows += len(observation)

    def part(self) -> Path | None:
        """All rows so far that no part holds; see :class:`TableWriter`."""
        self._flush()
        return super().part()

    def _take(self) -> pa.RecordBatch:
        return self._buffer.take()


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
