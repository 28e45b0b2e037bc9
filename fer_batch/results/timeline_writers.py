"""The timeline as a CSV file with the same values as the Parquet file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv

from fer_batch.results.base_writer import TimelineSink
from fer_batch.results.csv_text import escaped
from fer_batch.results.schema import TIMELINE

COLUMNS: Final = ("recording", *TIMELINE.names)
_HEADER: Final = (",".join(COLUMNS) + "\n").encode()


class CsvWriter(TimelineSink):
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
