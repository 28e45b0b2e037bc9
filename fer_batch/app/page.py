"""The page: a photo or video is given, what its faces show is looked at and downloaded."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

import fer_batch
from fer_batch.app.jobs import Job
from fer_batch.app.session import Session

_ROOT = Path(os.environ["FER_BATCH_APP_FOLDER"])


@st.cache_resource(scope="session", on_release=Session.close)
def _session() -> Session:
    return Session(_ROOT)


@st.fragment(run_every=1.0)
def _waiting(job: Job) -> None:
    """Looks every second whether the analysis is over."""
    if not job.running:
        st.rerun()
    st.info("The analysis is running on this machine.")
    if st.button("Cancel"):
        _session().clear()
        st.rerun()


def _results(job: Job) -> None:
    """Picture or video with boxes, the numbers, and the files to take away."""
    frame = fer_batch.load(job.output)
    for file in sorted((job.output / "annotated").rglob("*.*")):
        picture = file.suffix.lower() in (".jpg", ".jpeg", ".png")
        (st.image if picture else st.video)(str(file))
        st.download_button("Annotated picture" if picture else "Annotated video", file.read_bytes(), file.name)
    if frame.empty:
        st.info("No face was found.")
        return
    for track, rows in frame.groupby("track"):
        st.subheader(f"Face {track}")
        means = rows[list(fer_batch.EMOTIONS)].mean()
        if len(rows) > 1:
            st.line_chart(rows.set_index("time_s")[list(fer_batch.EMOTIONS)], x_label="seconds", y_label="probability")
        st.bar_chart(means, horizontal=True, x_label="probability")
    for part in job.output.glob("timelines/recording=*/*.parquet"):
        st.download_button("Timeline (Parquet)", part.read_bytes(), part.name, key=part.name)
    for table in job.output.glob("csv/**/*.csv"):
        st.download_button("Timeline (CSV)", table.read_bytes(), table.name)


st.set_page_config(page_title="fer-batch")
st.title("What faces show")
session = _session()
given = st.file_uploader("A photo or a video", key="given")
if given is not None and st.button("Analyse", type="primary"):
    session.analyze(given.name, given.getvalue())
if session.job is not None:
    if session.job.running:
        _waiting(session.job)
    elif session.job.succeeded:
        _results(session.job)
    else:
        # Where the upload lies on the server is nothing to visitors.
        st.error(session.job.error.replace(f"{session.folder / 'uploaded'}/", ""))
st.caption(
    "The numbers say what a face shows to people who look at it, not what a person feels, and they are often wrong for "
    "rare and subtle expressions. Do not use them to decide about people, or on people who have not agreed. Nothing "
    "leaves the machine that serves this page; what you upload is removed when the server ends."
)
