"""What the files that grow with a recording have in common: rows in, batches out, a file that appears when whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from fer_batch.filesystem.atomic import PendingFile, explained
from fer_batch.results.rows import RowBuffer
from fer_batch.types import Observation


class FileSink(ABC):
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
        self._begun = False
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
        if not self._begun:
            return None
        with explained(self.path):
            self._open.close()
        part = self._pending.temporary
        self._begin()
        return part

    def state(self) -> dict[str, Any]:
        """What is remembered beside the parts, as plain values and arrays; after :meth:`part`."""
        return {"rows": self.rows}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave; :attr:`parts` are set by the caller."""
        self.rows = state["rows"]

    def __enter__(self) -> Self:
        self._begin()
        return self

    def _begin(self) -> None:
        self._open, self._begun = ExitStack(), False
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
            self._put_together()
        self._finished = True

    def _put_together(self) -> None:
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
            self._sound, self._begun = sound, True

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

    def part(self) -> Path | None:
        """All rows so far that no part holds; see :class:`FileSink`."""
        self._flush()
        return super().part()

    def _take(self) -> pa.RecordBatch:
        return self._buffer.take()
