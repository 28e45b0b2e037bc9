"""The timeline as a Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.timeline.schema import TIMELINE, Provenance
from fer_batch.timeline.sink import TimelineSink


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
