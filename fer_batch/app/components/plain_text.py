"""Sentences with names of files and errors in them, shown as they are.

Streamlit takes every text of ``st.error``, ``st.caption``, ``st.progress`` and the like for Markdown, in which a file's
name could be a link, or a picture that the browser fetches. Backslashes do not help: addresses, ``:smile:`` and ``->``
are replaced after they are read.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from fer_batch.report.html import text

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
    st.html(f'<div role="{role}" style="{style}">{text(sentence)}</div>')
