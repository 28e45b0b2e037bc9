"""A video: uploaded or on this machine, analysed with progress and shown in step with its timelines."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fer_batch.app.components.widgets import (
    show_cancelled,
    show_caption,
    show_downloads,
    show_error,
    show_progress,
    show_view,
    show_warning,
    widget_key,
)
from fer_batch.app.jobs import Analysis
from fer_batch.app.sessions import Session, save
from fer_batch.app.sessions import session as visit
from fer_batch.app.wording import page_sentence
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError
from fer_batch.filesystem.paths import VIDEO_SUFFIXES

_PAGE = "video"
_RATES = {"all": None, "10 a second": 10.0, "5 a second": 5.0, "2 a second": 2.0}


def show() -> None:
    """The page."""
    session = visit()
    st.title("Video")
    st.write("Every face through a recording: who is seen when, and what the face shows.")
    show_cancelled(_PAGE)
    analysis = session.work(_PAGE)
    if not isinstance(analysis, Analysis):
        with st.container(border=True):
            _ask(session)
    elif not analysis.running:
        with st.expander("Another video", expanded=not analysis.succeeded):
            _ask(session)
    analysis = session.work(_PAGE)
    if isinstance(analysis, Analysis):
        _show(session, analysis)


def _ask(session: Session) -> None:
    """What to analyse, and how."""
    ways = ["Upload", "File on this machine"] if session.local else ["Upload"]
    way = st.segmented_control("The video comes from", ways, key=widget_key("video-way", "Upload"))
    uploads = st.session_state.setdefault("video-uploads", 0)
    upload, path = None, ""
    if way == "File on this machine":
        path = st.text_input(
            "Path of the file", key=widget_key("video-path", ""), placeholder="/home/me/recordings/interview.mp4"
        )
    else:
        kinds = sorted(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES)
        # Another key for the next one: so Streamlit lets go of its copy, which is in memory.
        upload = st.file_uploader("A video", kinds, key=f"video-upload-{uploads}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rate = st.selectbox("Frames (fewer are faster)", list(_RATES), key=widget_key("video-rate", "all"), width=200)
        annotated = st.toggle("Make an annotated video", key=widget_key("video-annotated", True))
        persons = st.toggle("Tell people apart by their faces", key=widget_key("video-persons", True))
    kept = ""
    if session.local:
        kept = st.text_input(
            "Keep the results in this folder",
            key=widget_key("video-folder", ""),
            placeholder="unless given, they are removed with this visit",
        )
    if not st.button("Analyse", type="primary", disabled=upload is None and not path.strip()):
        return
    recording = Path(path.strip()).expanduser()
    if upload is None and not recording.is_file():
        show_error(f"{recording}: no such file; check the path.")
        return
    folder = session.place(_PAGE)
    if upload is not None:
        recording = save(upload, upload.name, folder / "uploaded")
        st.session_state["video-uploads"] += 1
    out = Path(kept.strip()).expanduser() if kept.strip() else folder / "results"
    try:
        settings = Settings(session.model, persons=persons, max_pixels=session.max_pixels)
        analysis = Analysis(recording, Outputs(out, "both", annotated), settings, Selection(fps=_RATES[rate]))
    except FerBatchError as error:
        show_error(page_sentence(error).replace(f"{folder / 'uploaded'}/", ""))
        return
    session.begin(_PAGE, analysis)
    analysis.start()
    st.rerun()


def _show(session: Session, analysis: Analysis) -> None:
    record = show_progress(session, _PAGE, analysis)
    if record is None:
        return
    if analysis.sentence is not None:
        show_warning(analysis.sentence)
    show_downloads(session, _PAGE, analysis.out, record)
    if not analysis.out.is_relative_to(session.folder):
        show_caption(f"All results are in {analysis.out}.")
    show_view(session, _PAGE, analysis.out, record.id)
