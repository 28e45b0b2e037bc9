"""What visitors write and choose, which Streamlit would forget as soon as another page is looked at."""

from __future__ import annotations

import streamlit as st


def remembered(key: str, first: object) -> str:
    """A widget's key, which gives it the value it had when it was last shown; called just before it is.

    The value is set only when Streamlit has lost it: else what is being typed would fall back to what was sent last.

    Args:
        key: of the widget.
        first: its value at first.
    """
    kept = st.session_state.setdefault("remembered", {})
    if key in st.session_state:
        kept[key] = st.session_state[key]
    else:
        st.session_state[key] = kept.get(key, first)
    return key
