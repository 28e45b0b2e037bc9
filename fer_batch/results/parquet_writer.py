"""The timeline as a Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.results.base_writer import TimelineSink
from fer_batch.results.rows import whole_groups
from fer_batch.results.schema import TIMELINE, Provenance


class TimelineWriter(TimelineSink):
    """Writes the timeline's Parquet part, zstd, a row group for each batch of rows."""

    def __init__(self, path: Path, provenance: Provenance) -> None:
        super().__init__(path)
        self._schema = TIMELINE.with_metadata(provenance.metadata())

    @contextmanager
    def _writing(self, path: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
        # Measured values hardly ever repeat: a dictionary of them would only be tried and dropped in every row group.
        with pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=["emotion", "track"]) as writer:
            yield writer.write_batch

    def _join(self, parts: list[Path], path: Path) -> None:
        with self._writing(path) as add:
            for batch in whole_groups(row_groups(parts)):
                add(batch)


def row_groups(parts: list[Path]) -> Iterator[pa.RecordBatch]:
    """The row groups of Parquet files, one after another, each as one batch."""
    for part in parts:
        with pq.ParquetFile(part) as file:
            for i in range(file.num_row_groups):
                # Not iter_batches, which does not keep to row groups.
                yield from file.read_row_group(i).combine_chunks().to_batches()
