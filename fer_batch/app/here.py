"""The visit that the page's script runs for."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fer_batch.app.browsers import cookie_of
from fer_batch.app.session import Session
from fer_batch.app.sessions import Visits


def session() -> Session:
    """Begun with the first run of the script, and ended some time after the browser has gone."""
    context = get_script_run_ctx()
    assert context is not None
    return Visits.now.visit(context.session_id, st.context.cookies.get(cookie_of(st.get_option("server.port"))))
