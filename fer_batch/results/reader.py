"""Timelines, tracks and episodes of a whole output folder as data frames."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import FerBatchWarning, InputError, OptionHint
from fer_batch.results.episode_writer import episode_batch
from fer_batch.results.integrity import counted_rows, is_as_written, rows_of
from fer_batch.results.layout import PART, Layout, partition, recording_of
from fer_batch.results.record import RecordingRecord
from fer_batch.results.schema import EPISODES, TIMELINE, TRACKS
from fer_batch.segmentation.episode_finder import find_episodes
from fer_batch.segmentation.hysteresis import EpisodeRules

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


@dataclass(frozen=True, slots=True)
class _Kind:
    folder: str
    schema: pa.Schema
    order: tuple[str, ...]


_TIMELINES = _Kind("timelines", TIMELINE, ("frame", "track"))
_TRACKS = _Kind("tracks", TRACKS, ("track",))
_EPISODES = _Kind("episodes", EPISODES, ("track", "start_s"))

_NEEDED = ("time_s", "track", *EMOTIONS)
"""Columns of a timeline that episodes are found in."""


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
        recordings: only the recordings with these ids; all by default. What is no id may be a pattern of ids, such as
            ``session1/*``, in which ``*`` stands for any text, ``/`` included (see :mod:`fnmatch`).

    A recording whose part is damaged, or holds other rows than its document counts, is left out with a
    :class:`FerBatchWarning`.

    Raises:
        InputError: when the folder holds no timelines or none that is not damaged, for an unknown column or recording.
    """
    return _load(_TIMELINES, Path(out), columns, recordings)


def dataset(out: str | os.PathLike[str]) -> Dataset:
    """The timelines of an output folder as one data set of Arrow, for selections larger than memory.

    ``recording`` comes first, as text whatever the ids look like; a filter on it opens the files of those recordings
    alone. Columns that older parts lack are null. Of the files only the footers are read now; a recording with a
    damaged one is left out, with a warning. Scans go through recordings in the order of their ids, and through parts in
    the order of their numbers.

    Raises:
        InputError: when the folder holds no timelines, or none that is not damaged.
    """
    # Half as much again as all else takes to load, and only needed here.
    from pyarrow import dataset as ds
    from pyarrow.fs import LocalFileSystem

    form, files = ds.ParquetFileFormat(), LocalFileSystem()
    folder, sound = Path(out), {}
    with _leaving_out_damaged() as attempt:
        for recording, paths in _parts(folder, _TIMELINES.folder).items():
            with attempt():
                document = _document(folder, recording)
                parts = _own_parts(document, paths)
                _check_rows(folder, _TIMELINES, document, parts, _rows_of(parts))
                sound[recording] = parts
    fragments = [
        form.make_fragment(str(part), files, partition_expression=ds.field("recording") == recording)
        for recording, parts in sound.items()
        for part in parts
    ]
    schema = pa.schema([pa.field("recording", pa.string()), *TIMELINE])
    return ds.FileSystemDataset(fragments, schema, form, files)


def tracks(
    out: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    recordings: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The tracks of an output folder: one row a face through time, ordered by recording and track.

    Arguments, ``recording``, ``emotion`` and errors as in :func:`load`.
    """
    return _load(_TRACKS, Path(out), columns, recordings)


def episodes(
    source: str | os.PathLike[str] | pd.DataFrame,
    columns: Sequence[str] | None = None,
    recordings: Sequence[str] | None = None,
    rules: EpisodeRules | None = None,
) -> pd.DataFrame:
    """The episodes of an output folder or a timeline: one row a stretch of a track in one emotion.

    Ordered by recording, track and start. Arguments, ``recording``, ``emotion`` and errors are otherwise as in
    :func:`load`. A track's time outside its episodes is time in which no emotion led, or none for long enough.

    Args:
        source: the folder that ``fer-batch analyze`` wrote, or a timeline that :func:`load` or
            :func:`fer_batch.analyze` gave (with at least recording, time_s, track and the seven emotions).
        columns: see :func:`load`.
        recordings: see :func:`load`.
        rules: what makes an episode. With a folder, episodes are then found anew in its timelines; without rules they
            are those that it holds, found now for recordings that were analysed before there were any.
    """
    if not isinstance(source, pd.DataFrame):
        return _episodes_of(Path(source), columns, recordings, rules)
    if missing := [name for name in ("recording", *_NEEDED) if name not in source]:
        raise InputError(f"The timeline has no column {missing[0]!r}, which episodes are found by.")
    selected = _output_columns(_EPISODES, columns)
    names = source["recording"].astype(str)
    if unknown := set(_names(recordings or [])) - set(names):
        raise InputError(f"The timeline has no recording {min(unknown)!r}.")
    if recordings is not None:
        source = source[names.isin(_names(recordings))]
    tables = {
        str(name): pa.Table.from_batches([_episodes_in(rows, rules or EpisodeRules())]).select(selected)
        for name, rows in source.groupby("recording", observed=True)
    }
    return data_frame(tables or {"": EPISODES.empty_table().select(selected)})


def _episodes_of(
    out: Path, columns: Sequence[str] | None, recordings: Sequence[str] | None, rules: EpisodeRules | None
) -> pd.DataFrame:
    """The episodes of a folder, one recording after another."""
    selected = _output_columns(_EPISODES, columns)
    needed = list(dict.fromkeys([*selected, *_EPISODES.order]))
    stored = _named(out, _EPISODES.folder, recordings) if rules is None else {}
    parts = stored
    if not stored:
        stored = _parts(out, _EPISODES.folder) if rules is None else {}
        parts = _select({**_parts(out, _TIMELINES.folder), **stored}, recordings, out)
    tables = {}
    with _leaving_out_damaged() as attempt:
        for recording in parts:
            with attempt():
                if recording in stored:
                    table = _read_all(out, _EPISODES, recording, stored[recording], needed)
                else:
                    rows = load(out, _NEEDED, [recording])
                    table = pa.Table.from_batches([_episodes_in(rows, rules or EpisodeRules())])
                tables[recording] = _sorted(table, _EPISODES.order).select(selected)
    return data_frame(tables or {"": EPISODES.empty_table().select(selected)})


def _episodes_in(rows: pd.DataFrame, rules: EpisodeRules) -> pa.RecordBatch:
    """The episodes of one recording's timeline."""
    probabilities = rows[list(EMOTIONS)].to_numpy(np.float32)
    return episode_batch(
        find_episodes(rows["time_s"].to_numpy(np.float64), rows["track"].to_numpy(np.int32), probabilities, rules)
    )


def _load(
    kind: _Kind,
    out: Path,
    columns: Sequence[str] | None,
    recordings: Sequence[str] | None,
) -> pd.DataFrame:
    schema = kind.schema
    selected = _output_columns(kind, columns)
    needed = list(dict.fromkeys([*selected, *kind.order]))
    tables = {}
    parts_of = _named(out, kind.folder, recordings) or _select(_parts(out, kind.folder), recordings, out)
    with _leaving_out_damaged() as attempt:
        for recording, parts in parts_of.items():
            with attempt():
                table = _read_all(out, kind, recording, parts, needed)
                tables[recording] = _sorted(table, kind.order).select(selected)
    return data_frame(tables or {"": schema.empty_table().select(selected)})


def _output_columns(kind: _Kind, columns: Sequence[str] | None) -> list[str]:
    """The columns to give besides ``recording``."""
    available: list[str] = kind.schema.names
    wanted = available if columns is None else [name for name in _names(columns) if name != "recording"]
    if unknown := [name for name in wanted if name not in available]:
        raise InputError(f"No column {unknown[0]!r} in {kind.folder}; there are recording, {', '.join(available)}.")
    return wanted


def data_frame(tables: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Tables of recordings, by id, as one data frame with the column ``recording`` first."""
    named = []
    for recording, table in tables.items():
        # Text of many rows outgrows Arrow's 2 GB string arrays before anything else does.
        name = pa.repeat(pa.scalar(recording, pa.large_string()), table.num_rows)
        named.append(table.add_column(0, "recording", name))
    return documented(pa.concat_tables(named).to_pandas())


def documented(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rows as Arrow gives it, with the documented types of columns."""
    if "emotion" in frame:
        # A file without rows stores no dictionary.
        frame["emotion"] = frame["emotion"].cat.set_categories(list(EMOTIONS))
    if "interpolated" in frame and frame["interpolated"].dtype == object:
        # With nulls pandas makes objects of truth values, on which ~ gives nonsense.
        frame["interpolated"] = frame["interpolated"].astype("boolean")
    if "person" in frame:
        # With nulls pandas makes floating-point numbers of whole ones, and where there are nulls is chance.
        frame["person"] = frame["person"].astype("Int32")
    return frame


def _names(value: Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _parts(out: Path, folder: str) -> dict[str, list[Path]]:
    """The Parquet parts of every recording, ordered by id."""
    parts: dict[str, list[Path]] = {}
    for part in sorted((out / folder).glob("recording=*/part-*.parquet")):
        recording = recording_of(part.parent.name)
        # Other spellings of a name are not ours.
        if recording is not None and partition(recording) == part.parent.name:
            parts.setdefault(recording, []).append(part)
    if not parts and not out.is_dir():
        raise InputError(f"{out}: no such folder; check the path.")
    if not parts:
        raise InputError(
            f"{out}: holds no {folder} in Parquet; give the output folder of a finished fer-batch analyze.",
            remedies=[OptionHint("format", "both", "analyse again with {}")],
        )
    return dict(sorted(parts.items()))


def _named(out: Path, folder: str, recordings: Sequence[str] | None) -> dict[str, list[Path]]:
    """The parts of these recordings without a look at all others; none where that does not find every one of them."""
    names = sorted(set(_names(recordings or [])))
    parts = {name: sorted((out / folder / partition(name)).glob("part-*.parquet")) for name in names}
    return parts if all(parts.values()) else {}


def _select(available: dict[str, list[Path]], recordings: Sequence[str] | None, out: Path) -> dict[str, list[Path]]:
    if recordings is None:
        return available
    selected: set[str] = set()
    for name in _names(recordings):
        # An id may itself look like a pattern.
        matching = {name} if name in available else {each for each in available if fnmatchcase(each, name)}
        if not matching:
            raise InputError(
                f"{out}: holds no recording {name!r}; its ids are in the column recording of load({str(out)!r})."
            )
        selected |= matching
    return {name: parts for name, parts in available.items() if name in selected}


@contextmanager
def _leaving_out_damaged() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Gives a block for each recording: one whose block raises ``InputError`` is left out, with a warning.

    Raises:
        InputError: at the end, the first of them, when no block went well.
    """
    sound, errors = 0, list[InputError]()

    @contextmanager
    def attempt() -> Iterator[None]:
        nonlocal sound
        try:
            yield
            sound += 1
        except InputError as error:
            errors.append(error)

    yield attempt
    if errors and not sound:
        raise errors[0]
    for error in errors:
        warnings.warn(f"{error} It is left out.", FerBatchWarning, stacklevel=5)


def _read_all(out: Path, kind: _Kind, recording: str, parts: list[Path], columns: list[str]) -> pa.Table:
    """Columns of a recording's parts, which together have the rows that its document counts.

    Raises:
        InputError: when they have not, or one is damaged.
    """
    document = _document(out, recording)
    parts = _own_parts(document, parts)
    table = pa.concat_tables([_read(part, kind.schema, columns) for part in parts])
    _check_rows(out, kind, document, parts, table.num_rows)
    return table


def _document(out: Path, recording: str) -> RecordingRecord | None:
    """What is written about a recording; None while a run replaces it, and where that is damaged."""
    try:
        return RecordingRecord.read(Layout(out).record(recording))
    except InputError:
        return None


def _own_parts(document: RecordingRecord | None, parts: list[Path]) -> list[Path]:
    """The parts without those that an analysis of a file, which writes one, has not written."""
    is_file = document is not None and not document.live
    return [part for part in parts if part.name == PART] or parts if is_file else parts


def _check_rows(out: Path, kind: _Kind, document: RecordingRecord | None, parts: list[Path], rows: int) -> None:
    """Makes sure that parts are those that the recording's document is about.

    Raises:
        InputError: when they are not.
    """
    if document is None:
        return
    for part in parts:
        if not is_as_written(Layout(out), document, part):
            raise InputError(f"{part}: is not as it was written; analyze the recording again.")
    expected = counted_rows(document, kind.folder)
    if expected is not None and rows != expected:
        raise InputError(
            f"{parts[0].parent}: has {rows} rows, and {expected} were written; analyze the recording again."
        )


def _rows_of(parts: list[Path]) -> int:
    try:
        return rows_of(parts)
    except (OSError, ValueError) as error:
        raise _unreadable(parts[0]) from error


def _read(part: Path, schema: pa.Schema, columns: list[str]) -> pa.Table:
    """Columns of one part; one that the part is too old to have is null."""
    try:
        if not part.is_file():
            raise ValueError("no regular file")
        with pq.ParquetFile(part) as file:
            present = set(file.schema_arrow.names)
            table = file.read([name for name in columns if name in present])
        table = table.cast(pa.schema([schema.field(name) for name in table.column_names]))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(part) from error
    for name in columns:
        if name not in present:
            table = table.append_column(name, pa.nulls(table.num_rows, schema.field(name).type))
    return table.select(columns).replace_schema_metadata()


def _unreadable(part: Path) -> InputError:
    return InputError(f"{part}: not a readable Parquet file; analyze the recording again.")


def _sorted(table: pa.Table, order: tuple[str, ...]) -> pa.Table:
    """The table ordered by some columns; one that already is, as all written by fer-batch are, is not copied."""
    keys = [table.column(name).to_numpy() for name in order]
    if _ordered(keys):
        return table
    return table.take(np.lexsort(keys[::-1]))


def _ordered(keys: Sequence[NDArray[Any]]) -> bool:
    """Whether rows are in the order of the first key, those alike in it in the order of the next, and so on."""
    alike = np.ones(max(0, len(keys[0]) - 1), np.bool_)
    for key in keys:
        if np.any(alike & (key[1:] < key[:-1])):
            return False
        alike &= key[1:] == key[:-1]
    return True


def select_recordings(out: Path, ids: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those of the known ids that are wanted, by name or pattern, in the order of the known.

    Raises:
        InputError: when nothing is meant by one of the wanted.
    """
    names: set[str] = set()
    for name in wanted or ():
        # An id may itself look like a pattern.
        meant = {name} if name in ids else {each for each in ids if fnmatchcase(each, name)}
        if not meant:
            raise InputError(f"{out}: holds no recording {name!r} with a timeline; fer-batch summary {out} lists them.")
        names |= meant
    return [name for name in ids if name in names] if wanted else list(ids)
