"""CSV files of fer-batch as data frames."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from fer_batch.errors import InputError
from fer_batch.results.csv_text import unescape
from fer_batch.results.reader import documented
from fer_batch.results.schema import EMOTION_TYPE, EPISODES, RECORDING_TYPES, TIMELINE, TRACK_TYPES, TRACKS

_ARROW: Final = {
    "string": pa.large_string(),
    "boolean": pa.bool_(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
}
_FIRST_COLUMNS: Final = 6
"""By which the tables are told apart."""
_FAILURES: Final = {"source": "string", "retry": "boolean"}
_SUMMARY: Final = {
    **{name: _ARROW[kind] for name, kind in (TRACK_TYPES | RECORDING_TYPES | _FAILURES).items()},
    "finished_at": pa.timestamp("us", "UTC"),
}
"""Of the tables of ``fer-batch summary``, and of the failures that ``fer-batch analyze`` lists in a report."""
_PANDAS: Final = {kind: pd.api.types.pandas_dtype(name) for name, kind in _ARROW.items()}


def read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""A CSV file that fer-batch wrote: a timeline, tracks, episodes, a summary or the report of failures.

    Columns have the types of :func:`fer_batch.load`, :func:`fer_batch.tracks`, :func:`fer_batch.episodes` and
    :func:`fer_batch.summary`. Text is what it was before it was escaped for spreadsheets: a ``'`` in front of it is
    taken off, and ``\n``, ``\x1b`` and the like are the characters themselves.

    Args:
        path: of the file.

    Raises:
        InputError: when the file cannot be read or is no such table.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            names = next(csv.reader(file), [])
        if "recording" not in names:
            raise InputError(f"{path}: has no column recording; give a CSV file that fer-batch wrote.")
        schema = next((one for one in (TIMELINE, TRACKS, EPISODES) if _begins(names, one)), None)
        if schema is None:
            return unescape(_read(Path(path), _SUMMARY).to_pandas(types_mapper=_PANDAS.get))
        types = {field.name: field.type for field in schema if field.name in names}
        types |= {"recording": pa.large_string(), "emotion": pa.string()}
        table = _read(Path(path), types)
        emotion = table["emotion"].cast(EMOTION_TYPE)
        return unescape(documented(table.set_column(names.index("emotion"), "emotion", emotion).to_pandas()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error
    except (ValueError, csv.Error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: is not as fer-batch wrote it ({reason}); give the file as it was.") from error


def _begins(names: list[str], schema: pa.Schema) -> bool:
    """Whether a table has a schema's columns; in files of earlier versions the last ones are missing."""
    own = names[1:]
    return names[:1] == ["recording"] and len(own) >= _FIRST_COLUMNS and own == schema.names[: len(own)]


def _read(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    return pa.csv.read_csv(
        path, convert_options=pa.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    )
