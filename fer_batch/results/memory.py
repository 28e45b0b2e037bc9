"""A timeline that stays in memory, for those who want a data frame and no files."""

from __future__ import annotations

import pyarrow as pa

from fer_batch.results.rows import RowBuffer
from fer_batch.results.schema import TIMELINE
from fer_batch.types import Observation


class TimelineTable:
    """Takes observations as the writers of files do."""

    def __init__(self) -> None:
        self._buffer = RowBuffer()
        self._batches: list[pa.RecordBatch] = []

    def write(self, observation: Observation) -> None:
        """Adds a row for each face.

        Raises:
            ValueError: when a face has no probabilities.
        """
        if len(observation) > self._buffer.room:
            self._batches.append(self._buffer.take())
        self._buffer.append(observation)

    def table(self) -> pa.Table:
        """All rows in the columns of ``TIMELINE``."""
        self._batches.append(self._buffer.take())
        return pa.Table.from_batches(self._batches, TIMELINE)
