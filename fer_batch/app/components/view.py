"""A recording's synced view: the page that ``fer-batch report`` makes, with the recording playing in it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import streamlit as st

from fer_batch.analytics.summary import Summary
from fer_batch.app.components.plain_text import show_error
from fer_batch.app.session import Session
from fer_batch.errors import FerBatchError
from fer_batch.report.writer import write_view
from fer_batch.results.layout import Layout

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
        show_error(str(error))
        return
    except OSError as error:
        show_error(f"{document}: {error.strerror}; open the folder again.")
        return
    address = session.address(path)
    st.link_button("Open the view in its own tab", address, icon=":material/open_in_new:", type="tertiary")
    st.iframe(address, height=_HEIGHT, alt=f"{recording}, played with its faces and their timelines")
