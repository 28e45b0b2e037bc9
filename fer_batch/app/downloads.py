"""Buttons by which a visitor takes results away; files go from disk to the browser, however large they are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fer_batch.app.session import Session
from fer_batch.timeline.layout import Layout
from fer_batch.timeline.record import RecordingRecord


def show_downloads(session: Session, out: Path, record: RecordingRecord) -> None:
    """A button for each file of a recording.

    Args:
        session: whose browser fetches them.
        out: the output folder.
        record: of the recording.
    """
    layout = Layout(out)
    stem = Path(record.id).name
    found: list[tuple[str, Path, str]] = []
    for part, path in _numbered(sorted(layout.timeline(record.id).parent.glob("part-*.parquet"))):
        found.append((f"Timeline{part} (Parquet)", path, f"{stem}{part.replace(' ', '-')}.parquet"))
    tables = [layout.csv(record.id)] if layout.csv(record.id).is_file() else []
    for part, path in _numbered(tables or sorted((out / "csv" / record.id).glob("part-*.csv"))):
        found.append((f"Timeline{part} (CSV)", path, f"{stem}{part.replace(' ', '-')}.csv"))
    copy = layout.recorded_copy(record.files)
    copies = [] if copy is None else [copy] if copy.is_file() else sorted(copy.glob("part-*.mp4"))
    what = "Annotated picture" if record.probe.get("kind") == "photo" else "Annotated video"
    for part, path in _numbered(copies):
        found.append((f"{what}{part}", path, f"annotated-{stem}{part.replace(' ', '-')}{path.suffix}"))
    with st.container(horizontal=True):
        for label, path, name in found:
            st.link_button(label, f"{session.address(path, name)}?download", icon=":material/download:")


def _numbered(paths: list[Path]) -> list[tuple[str, Path]]:
    """With a number each where there are several."""
    return [(f" {number}" if len(paths) > 1 else "", path) for number, path in enumerate(paths, 1)]
