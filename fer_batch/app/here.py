"""The visit that the page's script runs for."""

from __future__ import annotations

import streamlit as st

from fer_batch.app.session import Session
from fer_batch.app.visits import Visits


def _end(session: Session) -> None:
    Visits.now.end(session)


@st.cache_resource(scope="session", on_release=_end, show_spinner=False)
def session() -> Session:
    """Begun with the first run of the script, and ended some time after the browser has gone."""
    return Visits.now.begin()
