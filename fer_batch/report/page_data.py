"""Data of a recording's page, read from the output folder, and links to the pictures it draws over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np
import pandas as pd

from fer_batch.analytics.summary import transitions
from fer_batch.emotions import EMOTIONS, hex_colour
from fer_batch.errors import InputError
from fer_batch.report import timeline_encoding
from fer_batch.report.thumbnails import columns, thumbnails
from fer_batch.report.timeline_encoding import Packed, packed
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, load
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.text import valid
from fer_batch.video.video_reader import VideoFile

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
    names = columns([*timeline_encoding.COLUMNS, "captured_at"], with_thumbnails=with_thumbnails)
    timeline = load(out, names, [recording])
    # A live source may have written more since it was summed up.
    timeline = timeline[timeline["track"].isin(sums["track"])]
    spans = episodes(out, None, [recording])
    rows = packed(timeline)
    photo = record.probe.get("kind") == "photo"
    faces = thumbnails(Path(record.source), timeline, photo=photo) if with_thumbnails else {}
    of_tracks = {int(row["track"]): row for row in sums.to_dict("records")}
    tracks = [
        {**each.to_dict(), **_about(of_tracks[each.track], spans), "thumbnail": faces.get(each.track)}
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
        "tick_s": timeline_encoding.TICK_S,
        "box_scale": rows.box_scale,
        "blocks": rows.rows,
        "media": links.to_dict(),
        "tracks": tracks,
    }
    return PageData(record, rows, meta, int(timeline["interpolated"].fillna(False).sum()))


def _about(sums: dict[str, Any], episode_rows: pd.DataFrame) -> dict[str, Any]:
    """What is known of a track without its rows."""
    own = episode_rows[episode_rows["track"] == sums["track"]]
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
    capture_times = timeline.loc[timeline["captured_at"].notna(), ["captured_at", "time_s"]]
    if capture_times.empty:
        return None
    first = capture_times.iloc[0]
    return float(first["captured_at"].timestamp() * 1000 - first["time_s"] * 1000)


Place: TypeAlias = Callable[[Path], str]
"""Tells a file's address where a server gives it to browsers."""


@dataclass(frozen=True, slots=True)
class Media:
    """Links to try one after another, each a dict of href, name and shift_s.

    Those of an annotated copy in parts, as live sources have it, also have from_s and to_s: they follow each other.
    """

    shift_s: float
    """What to add to the recording's own clock, as a player shows it, for ``time_s``."""
    recording: list[dict[str, Any]] = field(default_factory=list)
    annotated: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"shift_s": self.shift_s, "recording": self.recording, "annotated": self.annotated}


def media(out: Path, record: RecordingRecord, page: Path | Place) -> Media:
    """The recording and its annotated copy, as seen from a page.

    The recording's place is given twice: by the way from the page, which holds when a folder with both is moved, and
    in full, which holds when the report alone is. A live source has no file to link to, and one that was played as if
    it were a camera has times of its own. A page that a server gives has the addresses there of those files that
    exist.
    """
    source, shift_s = Path(record.source), 0.0
    if record.probe.get("kind") == "video" and not record.live:
        # A recording that is gone may be put back, or its page be looked at where it is.
        with suppress(InputError, OSError), VideoFile(source) as video:
            shift_s = 0.0 - video.start_s
    begin_s = float(record.settings.get("selection", {}).get("start_s") or 0)
    recording = [] if record.live else _links(source, page, shift_s)
    copy = Layout(out).recorded_copy(record.files)
    annotated: list[dict[str, Any]] = []
    if copy is not None and copy.is_file():
        # The copy begins with what was analysed.
        annotated = _links(copy.absolute(), page, begin_s)[:1]
    elif copy is not None:
        annotated = [part for document in sorted(copy.glob("part-*.json")) for part in _part(document, page)]
    return Media(shift_s, recording, annotated)


def _part(document: Path, page: Path | Place) -> list[dict[str, Any]]:
    """The video that a document beside it is about; none where it is gone or cannot be understood."""
    video = document.with_suffix(".mp4")
    try:
        about = json.loads(document.read_text(encoding="utf-8"))
        start_s, last_s = float(about["start_s"]), float(about["last_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    if not video.is_file():
        return []
    return [{**link, "from_s": start_s, "to_s": last_s} for link in _links(video.absolute(), page, start_s)[:1]]


def _links(file: Path, page: Path | Place, shift_s: float) -> list[dict[str, Any]]:
    hrefs = []
    if not isinstance(page, Path):
        hrefs = [page(file)] if file.is_file() else []
        return [{"href": href, "name": valid(str(file)), "shift_s": shift_s} for href in hrefs]
    # On Windows there is no way from one drive to another.
    with suppress(ValueError):
        hrefs.append(quote(os.fsencode(os.path.relpath(file, page.parent.absolute())).replace(os.sep.encode(), b"/")))
    if file.is_absolute():
        hrefs.append(file.as_uri())
    return [{"href": href, "name": valid(str(file)), "shift_s": shift_s} for href in hrefs]
