"""Timelines as Parquet, as CSV with the same values, or in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from fer_batch.results.base_writer import RowBuffer, TimelineTableWriter, whole_groups
from fer_batch.results.csv_text import escaped
from fer_batch.results.schema import TIMELINE, Provenance
from fer_batch.types import Observation

COLUMNS: Final = ("recording", *TIMELINE.names)
_HEADER: Final = (",".join(COLUMNS) + "\n").encode()


class CsvWriter(TimelineTableWriter):
    """Writes UTF-8 CSV with a header, ``recording`` first.

    Every number is in the shortest form that reads back as the same float32 or float64, nothing is rounded. Moments
    are UTC with microseconds; null is an empty field. Text is escaped, see :mod:`fer_batch.results.csv_text`.
    """

    def __init__(self, path: Path, recording: str) -> None:
        super().__init__(path)
        self._recording = escaped(recording)
        text = {"recording": pa.string(), "emotion": pa.string()}
        self._schema = pa.schema([(name, text.get(name) or TIMELINE.field(name).type) for name in COLUMNS])

    @contextmanager
    def _writing(self, path: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
        # Arrow either quotes every text, the header's too, or refuses what needs quotes; no emotion does.
        quoting = "needed" if any(mark in self._recording for mark in ',"') else "none"
        options = pa.csv.WriteOptions(include_header=False, quoting_style=quoting)
        with pa.OSFile(str(path), "wb") as file:
            file.write(_HEADER)
            with pa.csv.CSVWriter(file, self._schema, write_options=options) as writer:
                yield lambda batch: writer.write_batch(self._with_recording(batch))

    def _join(self, parts: list[Path], path: Path) -> None:
        with path.open("wb") as file:
            file.write(_HEADER)
            for part in parts:
                with part.open("rb") as rows:
                    rows.seek(len(_HEADER))
                    shutil.copyfileobj(rows, file)

    def _with_recording(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["recording"] = pa.repeat(self._recording, batch.num_rows)
        columns["emotion"] = columns["emotion"].dictionary_decode()
        return pa.RecordBatch.from_arrays([columns[name] for name in COLUMNS], schema=self._schema)


class TimelineWriter(TimelineTableWriter):
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
