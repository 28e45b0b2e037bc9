"""A photo: uploaded or taken, with boxes and probabilities."""

from __future__ import annotations

from typing import IO

import pandas as pd
import streamlit as st

import fer_batch
from fer_batch.app.components.charts import probability_bars
from fer_batch.app.components.widgets import show_cancelled, show_downloads, show_error, show_progress, widget_key
from fer_batch.app.jobs import Analysis
from fer_batch.app.sessions import Session, save
from fer_batch.app.sessions import session as visit
from fer_batch.app.wording import page_sentence
from fer_batch.config import Outputs, Settings
from fer_batch.errors import FerBatchError
from fer_batch.filesystem.paths import PHOTO_SUFFIXES
from fer_batch.results.layout import Layout

_PAGE = "photo"
_MOST_IN_FULL = 8
"""Faces with bars of their own; more are easier to read as a table."""


def show() -> None:
    """The page."""
    session = visit()
    st.title("Photo")
    st.write("Every face in a picture, and what it shows.")
    way = st.segmented_control("The photo comes from", ["Upload", "Camera"], key=widget_key("photo-way", "Upload"))
    if way == "Camera":
        upload = st.camera_input("Take a picture", key="photo-camera")
    else:
        kinds = sorted(suffix.removeprefix(".") for suffix in PHOTO_SUFFIXES)
        upload = st.file_uploader("A photo", kinds, key="photo-upload")
    if upload is not None and st.session_state.get("photo-begun") != upload.file_id:
        st.session_state["photo-begun"] = upload.file_id
        _begin(session, upload.name, upload)
    show_cancelled(_PAGE)
    analysis = session.work(_PAGE)
    if isinstance(analysis, Analysis):
        _show(session, analysis)


def _begin(session: Session, name: str, content: IO[bytes]) -> None:
    folder = session.place(_PAGE)
    photo = save(content, name, folder / "uploaded")
    try:
        analysis = Analysis(
            photo, Outputs(folder / "results", "both"), Settings(session.model, max_pixels=session.max_pixels)
        )
    except FerBatchError as error:
        show_error(page_sentence(error).replace(f"{photo.parent}/", ""))
        return
    session.begin(_PAGE, analysis)
    analysis.start()


def _show(session: Session, analysis: Analysis) -> None:
    record = show_progress(session, _PAGE, analysis)
    if record is None:
        return
    faces = fer_batch.load(analysis.out)
    picture = Layout(analysis.out).recorded_copy(record.files)
    left, right = st.columns([3, 2], gap="large")
    with left:
        if picture is not None:
            st.image(str(picture), width="stretch")
        show_downloads(session, _PAGE, analysis.out, record)
    with right:
        _show_faces(faces)


def _show_faces(faces: pd.DataFrame) -> None:
    if faces.empty:
        st.info("No face was found in this picture.")
        return
    if len(faces) > _MOST_IN_FULL:
        shares = {name: st.column_config.ProgressColumn(name, min_value=0, max_value=1) for name in fer_batch.EMOTIONS}
        table = faces[["track", "emotion", "confidence", *fer_batch.EMOTIONS]].rename(columns={"track": "face"})
        st.dataframe(table, hide_index=True, column_config=shares)
        return
    for row in faces.to_dict("records"):
        st.subheader(f"Face {row['track']}: {row['emotion']}, {row['confidence']:.0%}")
        st.html(probability_bars(row))
