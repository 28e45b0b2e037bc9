"""The emotion model: its card, how good it is, and how good it is on faces of your own."""

from __future__ import annotations

import streamlit as st

from fer_batch.app.components.charts import show_verdict, stored_verdict
from fer_batch.app.components.widgets import show_error, widget_key
from fer_batch.app.jobs import Measuring
from fer_batch.app.sessions import Session
from fer_batch.app.sessions import session as visit
from fer_batch.app.wording import page_sentence
from fer_batch.config import DEFAULT_MODEL
from fer_batch.errors import FerBatchError
from fer_batch.inference.registry import find_model, manifest, models_folder

_PAGE = "model"
_WAYS = {"photographs, in which faces are found first": "photos", "faces cut out and registered": "crops"}


def show() -> None:
    """The page."""
    session = visit()
    st.title("Model")
    if session.local:
        _choose(session)
    quality, own, card = st.tabs(["How good it is", "On your own faces", "Card"])
    with card:
        _show_card(session.model)
    with quality:
        stored = stored_verdict(session.model)
        if stored is None:
            st.info("Nothing was stored about this model; measure it on faces of your own.")
        else:
            show_verdict(stored)
    with own:
        _measure(session)


def _choose(session: Session) -> None:
    text = st.text_input(
        "Model",
        key=widget_key("model-name", DEFAULT_MODEL),
        help="One that ships, or the path of an .onnx file; used by all pages.",
    )
    model_name = text.strip() or DEFAULT_MODEL
    if model_name != session.model:
        try:
            find_model(model_name)
        except FerBatchError as error:
            show_error(page_sentence(error))
            return
        session.model = model_name


def _show_card(model: str) -> None:
    shipped = manifest().get(model)
    path = find_model(model).with_suffix(".md") if shipped is None else models_folder() / shipped.card
    if path.is_file():
        # Markdown, whose pictures from elsewhere the page's policy refuses. The first heading would be as large as the
        # page's.
        st.markdown(path.read_text(encoding="utf-8").replace("\n## ", "\n### ").replace("# ", "## ", 1))
    else:
        st.info("There is no card beside this model.")


def _measure(session: Session) -> None:
    if not session.local:
        st.info("Folders can be measured only on the machine that serves this page.")
        return
    st.write(
        "A folder with one folder an emotion (angry, disgust, fear, happy, sad, surprise, neutral), pictures in each."
    )
    work = session.work(_PAGE)
    running = work is not None and work.running
    text = st.text_input(
        "Folder, or a CSV or Parquet table as FER2013 and FER+ have it", key=widget_key("model-data", "")
    )
    way = st.selectbox("Its pictures are", list(_WAYS), key=widget_key("model-way", next(iter(_WAYS))))
    if st.button("Measure", type="primary", disabled=running or not text.strip()):
        session.forget(_PAGE)
        work = Measuring(text.strip(), session.model, _WAYS[way], session.max_pixels)
        session.begin(_PAGE, work)
        work.start()
    if isinstance(work, Measuring):
        _show_measured(session, work)


def _show_measured(session: Session, work: Measuring) -> None:
    if work.running:
        _until_over(session, work)
    elif work.error is not None:
        show_error(work.error)
    elif work.values is not None:
        show_verdict(work.values)


@st.fragment(run_every=0.5)
def _until_over(session: Session, work: Measuring) -> None:
    if not work.running:
        st.rerun()
    st.info("The model is being measured.")
    if st.button("Cancel", key="cancel-model"):
        session.forget(_PAGE)
        st.rerun()
