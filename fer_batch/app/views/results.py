"""Results of analyses: what a study holds, its recordings and persons compared, and each recording to look at."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st

from fer_batch.analytics.summary import Summary, summary
from fer_batch.app.components.charts import colour_key, share_chart
from fer_batch.app.components.widgets import show_downloads, show_error, show_view, show_warning, widget_key
from fer_batch.app.sessions import Session
from fer_batch.app.sessions import session as visit
from fer_batch.app.wording import page_sentence
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import FerBatchError
from fer_batch.results.csv_text import as_cells
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.text import clock

_PAGE = "results"
_MOST_BARS = 60
"""In one chart, as many as can be read one below the other."""


class _Study(NamedTuple):
    folder: Path
    tables: Summary


def show() -> None:
    """The page."""
    session = visit()
    st.title("Results")
    st.write("A folder that fer-batch has written: overview, comparison, and every recording to look at.")
    if not session.local:
        st.info("Folders can be opened only on the machine that serves this page.")
        return
    _ask()
    study = st.session_state.get("results-study")
    if study is None:
        return
    recordings = _selected_recordings(study)
    _show_facts(recordings)
    overview, comparison, persons, view = st.tabs(["Recordings", "Comparison", "Persons", "Look at one"])
    with overview:
        _show_recordings(recordings)
    with comparison:
        _show_comparison(study.folder, recordings)
    with persons:
        _show_persons(study.tables.tracks, recordings)
    with view:
        _show_one(session, study, recordings)


def _ask() -> None:
    # In a form Enter opens it, and so does the first click, which else only tells that something was typed.
    with st.form("results-ask", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Output folder", key=widget_key("results-folder", ""), placeholder="/home/me/study/fer-output"
        )
        opened = st.form_submit_button("Open", type="primary")
    if opened and text.strip():
        folder = Path(text.strip()).expanduser()
        st.session_state.pop("results-study", None)
        try:
            with st.spinner("Reading"):
                st.session_state["results-study"] = _Study(folder, summary(folder))
        except FerBatchError as error:
            show_error(page_sentence(error))


def _selected_recordings(study: _Study) -> pd.DataFrame:
    """The recordings that pass the filters."""
    recordings = study.tables.recordings
    with st.container(border=True), st.container(horizontal=True):
        name = st.text_input("Name contains", key=widget_key("results-name", ""))
        statuses = sorted(recordings["status"].unique())
        wanted_statuses = st.multiselect("Status", statuses, key=f"results-status-{study.folder}", placeholder="any")
        mostly = st.multiselect(
            "Mostly", list(EMOTIONS), key=f"results-mostly-{study.folder}", placeholder="any emotion"
        )
    table = recordings.assign(mostly=_mostly(recordings))
    if name.strip():
        table = table[table["recording"].str.contains(name.strip(), case=False, regex=False)]
    if wanted_statuses:
        table = table[table["status"].isin(wanted_statuses)]
    return table[table["mostly"].isin(mostly)] if mostly else table


def _mostly(table: pd.DataFrame) -> pd.Series:
    """The emotion that leads most of each row's time; null where nobody was seen."""
    shares = table[[f"{name}_share" for name in EMOTIONS]].astype("Float64").astype("float64")
    known = shares.notna().any(axis=1)
    return shares[known].idxmax(axis=1).str.removesuffix("_share").reindex(table.index).astype("string")


def _show_facts(table: pd.DataFrame) -> None:
    statuses = table["status"].value_counts()
    facts = {
        "recordings": str(len(table)),
        **{name: str(statuses[name]) for name in ("partial", "failed", "unreadable") if name in statuses},
        "recorded": clock(float(table["duration_s"].sum())),
        "with a face": clock(float(table["seen_s"].sum())),
        "tracks": str(int(table["tracks"].sum())),
    }
    with st.container(horizontal=True):
        for name, value in facts.items():
            st.metric(name, value, border=True, width="content")


def _show_recordings(table: pd.DataFrame) -> None:
    shares = {
        f"{name}_share": st.column_config.ProgressColumn(
            name, width="small", format="%.0f %%", min_value=0, max_value=100
        )
        for name in EMOTIONS
    }
    columns = ["recording", "status", "duration_s", "seen_s", "tracks", "persons", "mostly", *shares]
    percent = {name: 100 * table[name] for name in shares}
    # Faces of a photo are seen for no time.
    seen_s = table["seen_s"].where(table["kind"] != "photo")
    st.dataframe(
        as_cells(table[columns].assign(seen_s=seen_s, **percent)),
        hide_index=True,
        placeholder="",
        column_config={
            "recording": st.column_config.TextColumn("recording", pinned=True),
            "duration_s": st.column_config.NumberColumn("length", format="%.1f s"),
            "seen_s": st.column_config.NumberColumn("with a face", format="%.1f s"),
            **shares,
        },
    )
    for row in table[table["error"].notna()].to_dict("records"):
        show_warning(f"{row['recording']}: {row['status']}. {row['error']}")


def _show_comparison(folder: Path, table: pd.DataFrame) -> None:
    comparable = table[table["seen_s"].notna() & table["mostly"].notna()]
    if comparable.empty:
        st.info("No face was seen in these recordings.")
        return
    names = st.multiselect(
        "Recordings to compare",
        list(comparable["recording"]),
        placeholder="all",
        key=f"results-compared-{folder}",
    )
    selected = comparable[comparable["recording"].isin(names)] if names else comparable
    if len(selected) > _MOST_BARS:
        st.caption(f"The first {_MOST_BARS} of {len(selected)} recordings.")
    st.html(colour_key())
    st.altair_chart(share_chart(selected.head(_MOST_BARS), "recording", "recording"), width="stretch")


def _show_persons(tracks: pd.DataFrame, recordings: pd.DataFrame) -> None:
    own = tracks[tracks["recording"].isin(recordings["recording"])]
    if own.empty:
        st.info("No face was seen in these recordings.")
        return
    persons = _persons(own)
    st.caption(
        "Within a recording, tracks of one person are joined by face recognition, which can be wrong. Persons are not "
        "matched between recordings."
    )
    if len(persons) > _MOST_BARS:
        st.caption(f"The {_MOST_BARS} of {len(persons)} that were seen the longest.")
    longest = persons.nlargest(_MOST_BARS, "seen_s") if len(persons) > _MOST_BARS else persons
    st.html(colour_key())
    st.altair_chart(share_chart(longest, "who", "person"), width="stretch")
    st.dataframe(
        as_cells(persons[["who", "tracks", "seen_s"]]),
        hide_index=True,
        column_config={"seen_s": st.column_config.NumberColumn("seen", format="%.1f s")},
    )


def _persons(tracks: pd.DataFrame) -> pd.DataFrame:
    """One row a person, or a track of nobody known: time seen, and the shares of that time."""
    several = tracks["recording"].nunique() > 1
    who = [
        (f"{recording}: " if several else "") + (f"track {track}" if pd.isna(person) else f"person {person}")
        for recording, track, person in zip(tracks["recording"], tracks["track"], tracks["person"], strict=True)
    ]
    # Faces of photos are seen for no time: there it is rows that count.
    weights = tracks["seen_s"].where(tracks["seen_s"] > 0, tracks["rows"] * 1e-3).astype("float64")
    shares = tracks[[f"{name}_share" for name in EMOTIONS]].astype("float64").mul(weights, axis=0)
    sums = shares.assign(recording=tracks["recording"], who=who, weight=weights, seen_s=tracks["seen_s"], tracks=1)
    grouped = sums.groupby(["recording", "who"], sort=False).sum().reset_index()
    for name in EMOTIONS:
        grouped[f"{name}_share"] /= grouped["weight"]
    return grouped


def _show_one(session: Session, study: _Study, recordings: pd.DataFrame) -> None:
    names = list(recordings.loc[recordings["seen_s"].notna(), "recording"])
    if not names:
        st.info("None of these recordings has a timeline.")
        return
    name = st.selectbox("Recording", names, index=None, placeholder="choose one", key=f"results-one-{study.folder}")
    if name is None:
        return
    try:
        record = RecordingRecord.read(Layout(study.folder).record(name))
    except FerBatchError as error:
        show_error(page_sentence(error))
        return
    show_downloads(session, _PAGE, study.folder, record)
    show_view(session, _PAGE, study.folder, name, study.tables)
