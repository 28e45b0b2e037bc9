"""Widgets that views share: progress with a stop button, pickers, downloads, and names as plain text."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from fer_batch.analytics.summary import Summary
from fer_batch.app.jobs import Analysis
from fer_batch.app.sessions import Session
from fer_batch.app.wording import page_sentence
from fer_batch.errors import FerBatchError
from fer_batch.report.writer import write_view
from fer_batch.results.csv_text import write_csv
from fer_batch.results.layout import Layout
from fer_batch.results.reader import episodes, tracks
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.text import clock, duration_words, shown


def show_progress(session: Session, page: str, analysis: Analysis) -> RecordingRecord | None:
    """Shows how far an analysis is, or why it failed; its record once there are results."""
    if analysis.running:
        _show_waiting(session, page, analysis)
        return None
    if not analysis.succeeded:
        show_error(analysis.sentence or "It was stopped.")
        return None
    return analysis.record


def show_cancelled(page: str) -> None:
    """Says once that an analysis was stopped, and what is left of it."""
    if sentence := st.session_state.pop(_cancelled_key(page), None):
        show_info(sentence)


def _cancelled_key(page: str) -> str:
    return f"cancelled-{page}"


def _cancelled(session: Session, analysis: Analysis) -> str:
    if analysis.out.is_relative_to(session.folder):
        return f"{analysis.recording.name}: cancelled; nothing of it is kept."
    return f"{analysis.recording.name}: cancelled; what was analysed until then is in {analysis.out}."


@st.fragment(run_every=0.5)
def _show_waiting(session: Session, page: str, analysis: Analysis) -> None:
    """Looked at twice a second; the whole page is run again when it is over."""
    if not analysis.running:
        st.rerun()
    share, words = _progress_line(analysis)
    with st.container(border=True):
        show_caption(words)
        st.progress(share)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Cancel", key=f"cancel-{page}"):
                with st.spinner("Stopping"):
                    session.forget(page)
                st.session_state[_cancelled_key(page)] = _cancelled(session, analysis)
                st.rerun()
            st.caption("It goes on while you look at the other pages. Closing this page ends it.")


def _progress_line(analysis: Analysis) -> tuple[float, str]:
    """Share of the work, 0 to 1, and a line about it."""
    activity = next(iter(analysis.progress.workers.values()), None)
    if activity is None or activity.progress is None:
        return 0.0, f"{analysis.recording.name}: loading the models"
    progress = activity.progress
    frames, _ = activity.speed(time.monotonic())
    parts = [clock(progress.time_s)]
    if progress.frames_total:
        parts.append(f"frame {progress.frames} of {progress.frames_total}")
    if frames:
        parts.append(f"{frames:.0f} frames a second")
    if frames and progress.frames_total:
        parts.append(f"{duration_words(max(0, progress.frames_total - progress.frames) / frames)} left")
    return activity.share, f"{analysis.recording.name}: {', '.join(parts)}"


_HEIGHT = 1000
"""Pixels: picture, controls and the first tracks of a timeline, without scrolling."""


def show_view(session: Session, page: str, out: Path, recording: str, tables: Summary | None = None) -> None:
    """Shows a recording of an output folder, and above it a button that opens the view in a tab of its own.

    Args:
        session: whose browser it is shown in.
        page: the page that shows it, whose folder it is written to, unless it is there already.
        out: the output folder.
        recording: its id.
        tables: what :func:`fer_batch.summary` gives of the folder, if that is known already.
    """
    document = Layout(out).record(recording)
    try:
        # Another analysis of the same recording is another page.
        state = f"{document.absolute()} {document.stat().st_mtime_ns}"
        path = session.view(page, f"{sha256(state.encode()).hexdigest()[:16]}.html")
        if not path.is_file():
            with st.spinner("Making the view"):
                write_view(out, recording, path, session.address, tables)
    except FerBatchError as error:
        show_error(page_sentence(error))
        return
    except OSError as error:
        show_error(f"{document}: {error.strerror}; open the folder again.")
        return
    address = session.address(path)
    st.link_button("Open the view in its own tab", address, icon=":material/open_in_new:", type="tertiary")
    st.iframe(address, height=_HEIGHT, alt=f"{recording}, played with its faces and their timelines")


_BOX: Final = "padding:1rem;border-radius:.5rem;overflow-wrap:anywhere;background:"
_SMALL: Final = "font-size:.875rem;overflow-wrap:anywhere;opacity:.6"


def show_error(sentence: str) -> None:
    """A box as ``st.error`` makes it."""
    _show(sentence, "alert", f"{_BOX}rgba(255,43,43,.12)")


def show_warning(sentence: str) -> None:
    """A box as ``st.warning`` makes it."""
    _show(sentence, "alert", f"{_BOX}rgba(255,193,7,.16)")


def show_info(sentence: str) -> None:
    """A box as ``st.info`` makes it."""
    _show(sentence, "status", f"{_BOX}rgba(28,131,225,.12)")


def show_caption(sentence: str) -> None:
    """A small line as ``st.caption`` makes it."""
    _show(sentence, "note", _SMALL)


def _show(sentence: str, role: str, style: str) -> None:
    st.html(f'<div role="{role}" style="{style}">{escape(shown(sentence))}</div>')


def widget_key(key: str, first: object) -> str:
    """A widget's key, which gives it the value it had when it was last shown; called just before it is.

    The value is set only when Streamlit has lost it: else what is being typed would fall back to what was sent last.

    Args:
        key: of the widget.
        first: its value at first.
    """
    values = st.session_state.setdefault("remembered", {})
    if key in st.session_state:
        values[key] = st.session_state[key]
    else:
        st.session_state[key] = values.get(key, first)
    return key


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
    downloads: list[tuple[str, Path | None, str]] = [
        ("Timeline (Parquet)", _joined(timelines, folder), f"{stem}.parquet"),
        ("Timeline (CSV)", _joined(tables, folder), f"{stem}.csv"),
    ]
    called = f"annotated-{stem if not copies else stem.removesuffix(copies[0].suffix)}"
    for number, path in enumerate(copies[:_MOST_SEGMENTS], 1):
        part = f" {number}" if len(copies) > 1 else ""
        downloads.append((f"{what}{part}", path, f"{called}{part.replace(' ', '-')}{path.suffix}"))
    if record.probe.get("kind") != "photo":
        # A face of a photo is a track of one row, and no episode.
        downloads += [
            ("Tracks (CSV)", _as_csv(tracks, out, record.id, folder), f"{stem}-tracks.csv"),
            ("Episodes (CSV)", _as_csv(episodes, out, record.id, folder), f"{stem}-episodes.csv"),
        ]
    with st.container(horizontal=True):
        for label, file, name in downloads:
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
