"""Timelines and tracks of a whole output folder as data frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.emotion.labels import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.timeline.layout import recording_of
from fer_batch.timeline.schema import TIMELINE, TRACKS


@dataclass(frozen=True, slots=True)
class _Kind:
    folder: str
    schema: pa.Schema
    order: tuple[str, ...]


_TIMELINES = _Kind("timelines", TIMELINE, ("frame", "track"))
_TRACKS = _Kind("tracks", TRACKS, ("track",))


def load(
    out: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    recordings: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The timelines of an output folder: one row a face in an analysed frame.

    ``recording`` comes first, as text whatever the ids look like; ``emotion`` is categorical with all seven emotions.
    Rows are ordered by recording, frame and track.

    Args:
        out: the folder that ``fer-batch analyze`` wrote.
        columns: only these, in this order (``recording`` always comes first); all by default.
        recordings: only the recordings with these ids; all by default.

    Raises:
        InputError: when the folder holds no timelines or a part is damaged, for an unknown column or recording.
    """
    return _load(_TIMELINES, Path(out), columns, recordings)


def tracks(
    out: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    recordings: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The tracks of an output folder: one row a face through time, ordered by recording and track.

    Arguments, ``recording``, ``emotion`` and errors as in :func:`load`.
    """
    return _load(_TRACKS, Path(out), columns, recordings)


def _load(
    kind: _Kind,
    out: Path,
    columns: Sequence[str] | None,
    recordings: Sequence[str] | None,
) -> pd.DataFrame:
    schema = kind.schema
    wanted = schema.names if columns is None else [name for name in _names(columns) if name != "recording"]
    if unknown := [name for name in wanted if name not in schema.names]:
        raise InputError(f"No column {unknown[0]!r} in {kind.folder}; there are recording, {', '.join(schema.names)}.")
    needed = list(dict.fromkeys([*wanted, *kind.order]))
    tables = {}
    for recording, parts in _select(_parts(out, kind.folder), recordings, out).items():
        table = pa.concat_tables(_read(part, schema, needed) for part in parts)
        tables[recording] = _sorted(table, kind.order).select(wanted)
    return data_frame(tables or {"": schema.empty_table().select(wanted)})


def data_frame(tables: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Tables of recordings, by id, as one data frame with the column ``recording`` first."""
    named = []
    for recording, table in tables.items():
        # Text of many rows outgrows Arrow's 2 GB string arrays before anything else does.
        name = pa.repeat(pa.scalar(recording, pa.large_string()), table.num_rows)
        named.append(table.add_column(0, "recording", name))
    frame: pd.DataFrame = pa.concat_tables(named).to_pandas()
    if "emotion" in frame:
        # A file without rows stores no dictionary.
        frame["emotion"] = frame["emotion"].cat.set_categories(list(EMOTIONS))
    if "interpolated" in frame and frame["interpolated"].dtype == object:
        # With nulls pandas makes objects of truth values, on which ~ gives nonsense.
        frame["interpolated"] = frame["interpolated"].astype("boolean")
    return frame


def _names(value: Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _parts(out: Path, folder: str) -> dict[str, list[Path]]:
    """The Parquet parts of every recording, ordered by id."""
    found: dict[str, list[Path]] = {}
    for part in sorted((out / folder).glob("recording=*/part-*.parquet")):
        recording = recording_of(part.parent.name)
        if recording is not None:
            found.setdefault(recording, []).append(part)
    if not found:
        raise InputError(
            f"{out}: holds no {folder} in Parquet; give the output folder of a finished fer-batch analyze "
            "(without --format csv alone)."
        )
    return dict(sorted(found.items()))


def _select(found: dict[str, list[Path]], recordings: Sequence[str] | None, out: Path) -> dict[str, list[Path]]:
    if recordings is None:
        return found
    wanted = _names(recordings)
    if missing := [name for name in wanted if name not in found]:
        raise InputError(
            f"{out}: holds no recording {missing[0]!r}; its ids are in the column recording of load({str(out)!r})."
        )
    return {name: parts for name, parts in found.items() if name in wanted}


def _read(part: Path, schema: pa.Schema, columns: list[str]) -> pa.Table:
    """Columns of one part; one that the part is too old to have is null."""
    try:
        with pq.ParquetFile(part) as file:
            present = set(file.schema_arrow.names)
            table = file.read([name for name in columns if name in present])
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{part}: not a readable Parquet file; analyze the recording again with --overwrite."
        ) from error
    for name in columns:
        if name not in present:
            table = table.append_column(name, pa.nulls(table.num_rows, schema.field(name).type))
    return table.select(columns).replace_schema_metadata()


def _sorted(table: pa.Table, order: tuple[str, ...]) -> pa.Table:
    """The table ordered by some columns; one that already is, as all written by fer-batch are, is not copied."""
    keys = [table.column(name).to_numpy() for name in order]
    rows = np.lexsort(keys[::-1])
    return table if np.array_equal(rows, np.arange(len(rows))) else table.take(rows)
