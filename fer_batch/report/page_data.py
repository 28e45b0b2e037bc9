"""Everything that a page says about one recording, read from the output folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_batch.analytics.transitions import transitions
from fer_batch.emotions import EMOTIONS
from fer_batch.palette import hex_colour
from fer_batch.report import timeline_encoding as packing
from fer_batch.report.media_links import Place, media
from fer_batch.report.thumbnails import columns, thumbnails
from fer_batch.report.timeline_encoding import Packed, packed
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, load
from fer_batch.results.record import RecordingRecord

_EPISODE = ("start_s", "end_s", "peak_s", "peak", "mean_probability")


@dataclass(frozen=True, slots=True)
class PageData:
    """One recording."""

    record: RecordingRecord
    packed: Packed
    meta: dict[str, Any]
    """What the page's script is given: see ``assets/data.js``."""
    interpolated: int
    """Rows whose box was worked out from the frames around."""


def page_data(
    out: Path, recording: str, sums: pd.DataFrame, page: Path | Place, *, with_thumbnails: bool = False
) -> PageData:
    """Reads one recording.

    Args:
        out: the output folder.
        recording: its id.
        sums: the rows of its tracks in the table ``tracks`` of :func:`fer_batch.summary`.
        page: where the page will be, as links start there; or the addresses of files, if a server gives them.
        with_thumbnails: cut a picture of each face out of the recording.

    Raises:
        InputError: when a file of it is missing or damaged.
    """
    record = RecordingRecord.read(Layout(out).record(recording))
    wanted = columns([*packing.COLUMNS, "captured_at"], with_thumbnails=with_thumbnails)
    timeline = load(out, wanted, [recording])
    # A live source may have written more since it was summed up.
    timeline = timeline[timeline["track"].isin(sums["track"])]
    found = episodes(out, None, [recording])
    rows = packed(timeline)
    photo = record.probe.get("kind") == "photo"
    faces = thumbnails(Path(record.source), timeline, photo=photo) if with_thumbnails else {}
    of_tracks = {int(row["track"]): row for row in sums.to_dict("records")}
    tracks = [
        {**each.to_dict(), **_about(of_tracks[each.track], found), "thumbnail": faces.get(each.track)}
        for each in rows.tracks
    ]
    links = media(out, record, page)
    last_s = [float(part["to_s"]) for part in links.annotated if "to_s" in part]
    begin_s, end_s = _range(record, [*last_s, *(end for each in rows.tracks for end in each.ends_s)])
    meta = {
        "recording": recording,
        "kind": "photo" if photo else "video",
        "width": record.probe.get("width") or 16,
        "height": record.probe.get("height") or 9,
        "sound": bool(record.probe.get("audio_codec")),
        "from_s": begin_s,
        "to_s": end_s,
        "clock_ms": _clock_ms(timeline),
        "emotions": EMOTIONS,
        "colours": [hex_colour(name) for name in EMOTIONS],
        "tick_s": packing.TICK_S,
        "box_scale": rows.box_scale,
        "blocks": rows.rows,
        "media": links.to_dict(),
        "tracks": tracks,
    }
    return PageData(record, rows, meta, int(timeline["interpolated"].fillna(False).sum()))


def _about(sums: dict[str, Any], found: pd.DataFrame) -> dict[str, Any]:
    """What is known of a track without its rows."""
    own = found[found["track"] == sums["track"]]
    counts = transitions(own).to_numpy()
    values = np.column_stack([own["emotion"].cat.codes, *(own[name].round(4) for name in _EPISODE)])
    return {
        "person": None if pd.isna(sums["person"]) else int(sums["person"]),
        "seen_s": round(sums["seen_s"], 3),
        "shares": [round(sums[f"{name}_share"], 4) for name in EMOTIONS],
        "means": [round(sums[f"{name}_mean"], 4) for name in EMOTIONS],
        "episodes": [[int(row[0]), *np.round(row[1:], 4).tolist()] for row in values],
        "transitions": [[int(i), int(j), int(counts[i, j])] for i, j in zip(*np.nonzero(counts), strict=True)],
    }


def _range(record: RecordingRecord, ends_s: list[float]) -> tuple[float, float]:
    """From when to when there is something to show: what was analysed, seconds of the recording."""
    selection = record.settings.get("selection", {})
    begin_s, end_s = float(selection.get("start_s") or 0), selection.get("end_s")
    duration_s = record.probe.get("duration_s") or 0.0
    last_s = max([begin_s, min(duration_s, end_s if end_s is not None else duration_s), *ends_s])
    # A view needs some length, also of a recording that is a single frame.
    return begin_s, max(last_s, begin_s + 0.04)


def _clock_ms(timeline: pd.DataFrame) -> float | None:
    """Of a live source, the wall clock at time 0 in milliseconds since 1970, by its first row; None for a file."""
    known = timeline.loc[timeline["captured_at"].notna(), ["captured_at", "time_s"]]
    if known.empty:
        return None
    first = known.iloc[0]
    return float(first["captured_at"].timestamp() * 1000 - first["time_s"] * 1000)
