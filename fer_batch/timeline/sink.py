"""What the files that grow with a recording have in common: rows in, batches out, a file that appears when whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from fer_batch.atomic import PendingFile, explained
from fer_batch.timeline.rows import RowBuffer
from fer_batch.types import Observation


class FileSink(ABC):
    """A context manager that takes observations in the order of their frames and uses the same memory for any number.

    The file is at ``path`` once the block has ended; a block left by an exception leaves nothing. Without any row it is
    a valid file with no rows.

    Raises:
        OutputError: from entering, :meth:`write`, :meth:`finish` and leaving, when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        """Rows of the file so far, written or waiting."""
        self._sound = True
        self._finished = False
        self._open = ExitStack()

    @abstractmethod
    def _writing(self, path: Path) -> AbstractContextManager[Callable[[pa.RecordBatch], None]]:
        """Opens the file as a function that adds rows; leaving it completes the file."""

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

    def __enter__(self) -> Self:
        self._pending = PendingFile(self.path)
        try:
            with explained(self.path):
                self._add = self._open.enter_context(self._writing(self._pending.temporary))
        except BaseException:
            self._discard()
            raise
        return self

    def finish(self) -> None:
        """Completes the file, which still waits beside its place: what may fail for want of room has then been done."""
        self._flush()
        with explained(self.path):
            self._open.close()
        self._finished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or not self._sound:
            self._discard()
            return
        try:
            if not self._finished:
                self.finish()
        except BaseException:
            self._discard()
            raise
        self._pending.publish()

    def _flush(self) -> None:
        rows = self._take()
        if rows.num_rows:
            # Rows that a failed write has lost must not be missing from a file that looks whole.
            self._sound = False
            with explained(self.path):
                self._add(rows)
            self._sound = True

    def _discard(self) -> None:
        # Closing may fail for the reason that writing failed, which is the one to report.
        with suppress(Exception):
            self._open.close()
        self._pending.discard()


class TimelineSink(FileSink):
    """A file of the timeline, in the columns of ``TIMELINE``: a row for each face."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._buffer = RowBuffer()

    def write(self, observation: Observation) -> None:
        """Adds a row for each face; errors as of every sink."""
        if len(observation) > self._buffer.room:
            self._flush()
        self._buffer.append(observation)
        self.rows += len(observation)

    def _take(self) -> pa.RecordBatch:
        return self._buffer.take()
