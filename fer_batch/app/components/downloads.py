"""Buttons by which a visitor takes results away; files go from disk to the browser, however large they are."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from fer_batch.app.components.plain_text import show_caption
from fer_batch.app.session import Session
from fer_batch.errors import FerBatchError
from fer_batch.results.csv_text import write_csv
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, tracks
from fer_batch.results.record import RecordingRecord

_MOST_JOINED = 240
"""Parts of a live recording that are put together, four hours of them: more take too long to wait for."""
_MOST_SEGMENTS = 12
"""Buttons for segments of annotated video, of a minute each."""


def show_downloads(session: Session, page: str, out: Path, record: RecordingRecord) -> None:
    """A button for each kind of file of a recording.

    Args:
        session: whose browser fetches them.
        page: the page that shows it, in whose folder parts are put together.
        out: the output folder.
        record: of the recording.
    """
    layout, stem = Layout(out), Path(record.id).name
    folder = session.folder / page / "joined"
    csv = layout.csv(record.id)
    timelines = sorted(layout.timeline(record.id).parent.glob("part-*.parquet"))
    tables = [csv] if csv.is_file() else sorted(csv.with_suffix("").glob("part-*.csv"))
    copy = layout.recorded_copy(record.files)
    copies = [] if copy is None else [copy] if copy.is_file() else sorted(copy.glob("part-*.mp4"))
    what = "Annotated picture" if record.probe.get("kind") == "photo" else "Annotated video"
    found: list[tuple[str, Path | None, str]] = [
        ("Timeline (Parquet)", _joined(timelines, folder), f"{stem}.parquet"),
        ("Timeline (CSV)", _joined(tables, folder), f"{stem}.csv"),
    ]
    called = f"annotated-{stem if not copies else stem.removesuffix(copies[0].suffix)}"
    for number, path in enumerate(copies[:_MOST_SEGMENTS], 1):
        part = f" {number}" if len(copies) > 1 else ""
        found.append((f"{what}{part}", path, f"{called}{part.replace(' ', '-')}{path.suffix}"))
    if record.probe.get("kind") != "photo":
        # A face of a photo is a track of one row, and no episode.
        found += [
            ("Tracks (CSV)", _as_csv(tracks, out, record.id, folder), f"{stem}-tracks.csv"),
            ("Episodes (CSV)", _as_csv(episodes, out, record.id, folder), f"{stem}-episodes.csv"),
        ]
    with st.container(horizontal=True):
        for label, file, name in found:
            if file is not None:
                st.link_button(label, f"{session.address(file, name)}?download", icon=":material/download:")
    if len(copies) > _MOST_SEGMENTS or len(timelines) > _MOST_JOINED:
        show_caption(f"It has {len(timelines)} parts; all of them are in {out}.")


def _as_csv(read: Callable[..., pd.DataFrame], out: Path, recording: str, folder: Path) -> Path | None:
    """A recording's rows of a table as a file; None where there are none."""
    state = f"{read.__name__} {recording} {Layout(out).record(recording).stat().st_mtime_ns}"
    path = folder / f"{sha256(state.encode()).hexdigest()[:16]}.csv"
    if not path.is_file():
        try:
            rows = read(out, recordings=[recording])
        except FerBatchError:
            return None
        if rows.empty:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(rows, path)
    return path


def _joined(parts: list[Path], folder: Path) -> Path | None:
    """One file with the rows of all parts; None where there are none, or too many."""
    if len(parts) < 2 or len(parts) > _MOST_JOINED:
        return parts[0] if len(parts) == 1 else None
    path = folder / f"{len(parts)}-{parts[-1].stat().st_mtime_ns}{parts[0].suffix}"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (_join_parquet if path.suffix == ".parquet" else _join_csv)(parts, path)
    return path


def _join_parquet(parts: list[Path], path: Path) -> None:
    with pq.ParquetWriter(path, pq.read_schema(parts[0])) as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                writer.write_table(file.read())


def _join_csv(parts: list[Path], path: Path) -> None:
    with path.open("wb") as joined:
        for number, part in enumerate(parts):
            with part.open("rb") as rows:
                head = rows.readline()
                joined.write(b"" if number else head)
                joined.writelines(rows)
