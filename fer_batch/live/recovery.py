"""What a killed process could not write any more, made from the parts of the timeline that it did write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.emotions import EMOTIONS
from fer_batch.live.part_files import PartFiles
from fer_batch.results.track_table import TrackSummary
from fer_batch.segmentation.episode_finder import find_episodes
from fer_batch.segmentation.hysteresis import Episode, EpisodeRules
from fer_batch.types import Faces, Observation

_COLUMNS: Final = ["frame", "time_s", "track", "x", "y", "width", "height", "score", *EMOTIONS]
_KEYPOINTS: Final = 6


_HIGHEST: Final = {"frame": 2.0**53, "time_s": 1e10, "track": 2.0**31 - 2}


def last_position(timeline: Iterable[Path], tracks: Iterable[Path] = ()) -> tuple[int, float, int]:
    """Highest frame, time in seconds and track of some parts of a timeline and of tracks; -1, 0.0 and 0 of none.

    A damaged part is passed over.
    """
    highest = {"frame": -1.0, "time_s": 0.0, "track": 0.0}
    kinds = ((timeline, {name: name for name in highest}), (tracks, {"last_time_s": "time_s", "track": "track"}))
    for parts, columns in kinds:
        for part in parts:
            with suppress(OSError, ValueError, TypeError, pa.ArrowException), pq.ParquetFile(part) as file:
                for column, name in columns.items():
                    maxima = [float(value) for value in _maxima(file, column)]
                    # Beyond these there are no numbers left to give.
                    highest[name] = max([highest[name], *(one for one in maxima if one < _HIGHEST[name])])
    return int(highest["frame"]), highest["time_s"], int(highest["track"])


def _maxima(file: pq.ParquetFile, name: str) -> Iterator[float]:
    """The largest value of a column in each row group, by the footer where it tells."""
    place = file.schema_arrow.names.index(name)
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(place).statistics
        if statistics is not None and statistics.has_min_max:
            yield statistics.max
        elif file.metadata.row_group(group).num_rows:
            yield np.max(file.read_row_group(group, columns=[name])[name].to_numpy())


def recover_tables(parts: PartFiles) -> tuple[TrackSummary, list[Episode]]:
    """The tracks of the timeline that the tracks table lacks, and their episodes that the episodes table lacks."""
    table_tracks = {int(number) for part in parts.of_tracks() for number in _column(part, "track")}
    rows = [table for part in parts.of_timeline() if (table := _rows_of_others(part, table_tracks)) is not None]
    summary = TrackSummary()
    if not rows:
        return summary, []
    table = pa.concat_tables(rows)
    values = {name: table[name].to_numpy() for name in _COLUMNS}
    probabilities = np.column_stack([values[name] for name in EMOTIONS]).astype(np.float32)
    order = np.argsort(values["frame"], kind="stable")
    starts = np.flatnonzero(np.diff(values["frame"][order], prepend=-1))
    for rows_of_frame in np.split(order, starts[1:]):
        summary.write(_observation(values, probabilities, rows_of_frame))
    written = {
        key
        for part in parts.of_episodes()
        for key in zip(_column(part, "track"), _column(part, "start_s"), strict=True)
    }
    episodes = find_episodes(
        values["time_s"].astype(np.float64), values["track"].astype(np.int32), probabilities, EpisodeRules()
    )
    return summary, [one for one in episodes if (one.track, one.start_s) not in written]


def _observation(values: dict[str, np.ndarray], probabilities: np.ndarray, rows: np.ndarray) -> Observation:
    boxes = np.column_stack([values[name][rows] for name in ("x", "y", "width", "height")]).astype(np.float32)
    faces = Faces(
        boxes,
        np.zeros((len(rows), _KEYPOINTS, 2), np.float32),
        values["score"][rows].astype(np.float32),
        values["track"][rows].astype(np.int32),
    )
    return Observation(int(values["frame"][rows[0]]), float(values["time_s"][rows[0]]), faces, probabilities[rows])


def _rows_of_others(part: Path, tracks: set[int]) -> pa.Table | None:
    """The rows of tracks that are not known; what the footer rules out, and a damaged part, is not read."""
    try:
        with pq.ParquetFile(part) as file:
            place = file.schema_arrow.names.index("track")
            groups = (file.metadata.row_group(i).column(place).statistics for i in range(file.metadata.num_row_groups))
            if all(
                one is not None and one.has_min_max and tracks.issuperset(range(one.min, one.max + 1)) for one in groups
            ):
                return None
            table = file.read(_COLUMNS)
    except (OSError, ValueError, pa.ArrowException):
        return None
    unknown = ~np.isin(table["track"].to_numpy(), list(tracks))
    return table.filter(pa.array(unknown)) if unknown.any() else None


def _column(part: Path, name: str) -> list[float]:
    try:
        values: list[float] = pq.read_table(part, columns=[name])[name].to_pylist()
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return []
    return values
