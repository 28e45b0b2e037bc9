"""A study in two small tables: for how long each face was seen, and what it showed.

A row of the timeline lasts until the next frame of the timeline, whoever is in that. Where nobody was seen in between
(a gap), or no frame follows, it lasts as long as the usual step, the median time between two frames of the timeline. A
gap is where the next frame is more than 2.5 of these later and more than the usual number of frames (the median too)
further on. In a live recording it need not be further on if it is more than a second later: frames that a lost
connection did not bring have no index. The time for which a track was seen is the sum over its rows. A photo lasts no
time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import OVERWRITE, InputError, OptionHint
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.filesystem.overwriting import has_head, refuse_overwriting
from fer_batch.filesystem.paths import refuse_links
from fer_batch.results.catalog import recordings
from fer_batch.results.csv_text import write_csv
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, load, tracks
from fer_batch.results.schema import RECORDING_TYPES, TRACK_TYPES

_GAP: Final = 2.5
"""Steps beyond which a pause is a gap: as for episodes, one missed frame makes none, two do."""

_LOST_S: Final = 1.0
"""Seconds that a lost connection costs at least: it is made again after so long."""

_NEEDED: Final = ("frame", "time_s", "track", "emotion", "captured_at", *EMOTIONS)


class Summary(NamedTuple):
    """A study in two tables."""

    recordings: pd.DataFrame
    """One row a recording, failed ones too, ordered by id."""
    tracks: pd.DataFrame
    """One row a track, ordered by recording and track."""


def summary(out: str | os.PathLike[str], minimum_s: float = 0) -> Summary:
    """For how long each face was seen, and what it showed: one row a recording, and one row a track.

    ``seen_s`` is the time for which the track, or in a recording anybody, was seen, in seconds and without gaps. A row
    of the timeline lasts until the timeline's next frame; where that is more than 2.5 usual (median) steps away, or
    there is none, it lasts one usual step: a lost connection counts as nobody's time. Of the time for which faces were
    seen (in a recording, of all faces), ``<emotion>_share`` is the part in which the emotion was the most probable, and
    ``<emotion>_mean`` its mean probability; of photos, which last no time, of the rows. ``<emotion>_episodes`` and
    ``<emotion>_s`` are the number of its episodes and their seconds together.

    Recordings are read one after another, and only finished ones: the folder may still be written to. One without a
    face has zeros; shares of nothing are null, as is all that is not known: everything of failed recordings, and of
    those that were written as CSV alone. A recording with a damaged table has the status "damaged", and the error says
    which file that is.

    Args:
        out: the folder that ``fer-batch analyze`` wrote.
        minimum_s: tracks seen for less than that many seconds are left out of both tables (photos' never).

    Raises:
        InputError: when the folder holds no recordings, or timelines in CSV alone.
    """
    folder = Path(out)
    documents = recordings(folder)
    of_recordings, of_tracks = [], []
    for document in documents.to_dict("records"):
        row = {name: document[name] for name in ("recording", "status", "error", "kind", "duration_s")}
        if document["status"] in {"done", "partial"} and _in_parquet(folder, document["recording"]):
            try:
                rows, total = _summed(folder, document["recording"], 0 if document["kind"] == "photo" else minimum_s)
                of_tracks += rows
                row |= total
            except InputError as error:
                row |= {"status": "damaged", "error": str(error)}
        of_recordings.append(row)
    unknown = not any("seen_s" in known or known["status"] == "damaged" for known in of_recordings)
    if unknown and documents["rows"].sum() > 0:
        raise InputError(
            f"{folder}: its timelines are in CSV alone, which are not summed up.",
            remedies=[OptionHint("format", "both", "analyse again with {}"), OVERWRITE],
        )
    return Summary(_frame(of_recordings, RECORDING_TYPES), _frame(of_tracks, TRACK_TYPES))


def write_summary(tables: Summary, folder: Path, out: Path | None = None) -> list[Path]:
    """Writes both tables as Parquet and CSV, each file atomically; the paths.

    Args:
        tables: what :func:`summary` gives.
        folder: where they go.
        out: the output folder, in which no link is followed.

    Raises:
        OutputError: when one cannot be written.
    """
    paths = [folder / f"{name}.{suffix}" for name in tables._fields for suffix in ("parquet", "csv")]
    refuse_links(out if out is not None and folder.is_relative_to(out) else folder, paths)
    for path in paths:
        refuse_overwriting(path, "output", _is_summary)
    written = []
    for name, table in tables._asdict().items():
        for suffix in ("parquet", "csv"):
            path = folder / f"{name}.{suffix}"
            with whole(path) as temporary, explained(path):
                if suffix == "parquet":
                    table.to_parquet(temporary, index=False, compression="zstd")
                else:
                    write_csv(table, temporary)
            written.append(path)
    return written


def _is_summary(path: Path) -> bool:
    """Whether a file begins as such a table does."""
    if path.suffix == ".csv":
        return has_head(path, b"recording,status,", b"recording,track,")
    try:
        return bool(pq.read_schema(path).names[:1] == ["recording"])
    except (OSError, pa.ArrowException):
        return has_head(path)


class Pace(NamedTuple):
    """How the frames of a timeline follow each other."""

    step_s: float
    """The usual step, the median time between two frames; 0 where there are no two."""
    frames: float
    """By how much their indices usually differ, the median too."""
    live: bool
    """Whether connections may have been lost."""


def is_live(timeline: pd.DataFrame) -> bool:
    """Whether one recording's timeline is that of a live source, as far as its columns tell."""
    return "captured_at" in timeline and bool(timeline["captured_at"].notna().any())


def pace(frames: NDArray[np.int64], times: NDArray[np.float64], live: bool) -> Pace:
    """The usual distance between frames, given as for :func:`lasting`."""
    if len(times) < 2:
        return Pace(0, 0, live)
    return Pace(float(np.median(np.diff(times))), float(np.median(np.diff(frames))), live)


def gaps(frames: NDArray[np.int64], times: NDArray[np.float64], usual: Pace) -> NDArray[np.bool_]:
    """(N - 1,) whether there is a gap between each frame and the next, given as for :func:`lasting`."""
    pauses = np.diff(times)
    skipping = (np.diff(frames) > usual.frames) | (usual.live & (pauses > _LOST_S))
    has_gap: NDArray[np.bool_] = (pauses > _GAP * usual.step_s) & skipping
    return has_gap


def lasting(frames: NDArray[np.int64], times: NDArray[np.float64], live: bool) -> NDArray[np.float64]:
    """For how long each frame of a timeline lasts, in seconds, by this module's definition.

    Args:
        frames: (N,) indices, ascending.
        times: (N,) seconds, of each frame once.
        live: whether they are of a live source.
    """
    usual = pace(frames, times, live)
    if len(times) < 2:
        return np.zeros(len(times))
    return np.append(np.where(gaps(frames, times, usual), usual.step_s, np.diff(times)), usual.step_s)


def _in_parquet(folder: Path, recording: str) -> bool:
    return any(Layout(folder).timeline(recording).parent.glob("part-*.parquet"))


def _summed(folder: Path, recording: str, minimum_s: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a recording's tracks, and what there is to say of it as a whole."""
    timeline = load(folder, _NEEDED, [recording])
    frames, first, frame = np.unique(timeline["frame"], return_index=True, return_inverse=True)
    seconds = lasting(frames, timeline["time_s"].to_numpy()[first], is_live(timeline))
    timeline["seconds"] = seconds[frame]
    spans = episodes(folder, ["track", "emotion", "duration_s"], [recording])
    track_seconds = timeline.groupby("track")["seconds"].sum()
    track_seconds = track_seconds[track_seconds >= minimum_s]
    timeline, spans = (each[each["track"].isin(track_seconds.index)] for each in (timeline, spans))
    persons = _persons(folder, recording)
    rows = [
        {"recording": recording, "track": track, "person": persons.get(track), **_sums(part, of_track)}
        for track, part, of_track in _by_track(timeline, spans)
    ]
    person_numbers = {person for track in track_seconds.index if (person := persons.get(track)) is not None}
    total = {
        "tracks": len(track_seconds),
        "persons": len(person_numbers) if person_numbers or not len(track_seconds) else None,
        **_sums(timeline, spans),
        "seen_s": float(seconds[np.unique(frame[timeline.index])].sum()),
    }
    return rows, total


def _by_track(timeline: pd.DataFrame, found: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame, pd.DataFrame]]:
    of_tracks = dict(iter(found.groupby("track")))
    for track, part in timeline.groupby("track"):
        yield track, part, of_tracks.get(track, found[:0])


def _persons(folder: Path, recording: str) -> dict[int, int]:
    """The person of each track that has one."""
    try:
        table = tracks(folder, ["track", "person"], [recording]).dropna()
    except InputError:
        # Written by a version without such a table, or taken away to save space.
        return {}
    return dict(zip(table["track"].tolist(), table["person"].tolist(), strict=True))


def _sums(rows: pd.DataFrame, episode_rows: pd.DataFrame) -> dict[str, Any]:
    """What rows of one track or recording, and the episodes in them, come to."""
    seconds = rows["seconds"].to_numpy()
    weights = seconds if seconds.sum() > 0 else np.ones(len(rows))
    emotion = rows["emotion"].cat.codes.to_numpy()
    sums: dict[str, Any] = {"rows": len(rows), "seen_s": float(seconds.sum())}
    if len(rows):
        sums |= {"first_time_s": rows["time_s"].min(), "last_time_s": rows["time_s"].max()}
        for number, name in enumerate(EMOTIONS):
            sums[f"{name}_share"] = float(weights[emotion == number].sum() / weights.sum())
            sums[f"{name}_mean"] = float(np.average(rows[name].to_numpy(np.float64), weights=weights))
    of_emotions = episode_rows.groupby("emotion", observed=False)["duration_s"].agg(["count", "sum"])
    for name in EMOTIONS:
        sums[f"{name}_episodes"] = int(of_emotions.loc[name, "count"])
        sums[f"{name}_s"] = float(of_emotions.loc[name, "sum"])
    return sums


def _frame(rows: list[dict[str, Any]], types: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in types.items()})


PAUSE_S: Final = 2.0
"""Episodes further apart than this do not follow each other: of such a pause it is not known what lay in it. Between
most that do, one emotion fades while the next comes up, for half a second to a second."""

_EPISODE_COLUMNS: Final = ("recording", "track", "emotion", "start_s", "end_s")


def transitions(episodes: pd.DataFrame, pause_s: float = PAUSE_S) -> pd.DataFrame:
    """How often an episode of one emotion was followed by one of another, in the same track.

    Args:
        episodes: as :func:`fer_batch.episodes` gives them.
        pause_s: the longest time between the end of one and the start of the next, in seconds.

    Returns:
        Counts, seven rows (the first emotion) by seven columns (the next one), in the order of ``EMOTIONS``.

    Raises:
        InputError: when a column is missing.
    """
    if missing := [name for name in _EPISODE_COLUMNS if name not in episodes]:
        raise InputError(f"The episodes have no column {missing[0]!r}, which transitions are counted by.")
    ordered = episodes.sort_values(["recording", "track", "start_s"])
    emotions = pd.Categorical(ordered["emotion"], categories=list(EMOTIONS)).codes
    same = np.ones(max(0, len(ordered) - 1), np.bool_)
    for name in ("recording", "track"):
        values = ordered[name].to_numpy()
        same &= values[1:] == values[:-1]
    starts, ends = ordered["start_s"].to_numpy(), ordered["end_s"].to_numpy()
    follows = same & (starts[1:] - ends[:-1] <= pause_s)
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)
    np.add.at(counts, (emotions[:-1][follows], emotions[1:][follows]), 1)
    names = list(EMOTIONS)
    return pd.DataFrame(counts, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to"))
