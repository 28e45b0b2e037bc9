"""How far an analysis is, and a button to stop it."""

from __future__ import annotations

import time

import streamlit as st

from fer_batch.app.analysis import Analysis
from fer_batch.app.components.plain_text import show_caption, show_error, show_info
from fer_batch.app.session import Session
from fer_batch.report.html import clock
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.formatting import lasting


def show_until_done(session: Session, page: str, analysis: Analysis) -> RecordingRecord | None:
    """Shows how far an analysis is, or why it failed; its record once there are results."""
    if analysis.running:
        _show_waiting(session, page, analysis)
        return None
    if not analysis.succeeded:
        show_error(analysis.sentence or "It was stopped.")
        return None
    return analysis.record


def show_cancelled(page: str) -> None:
    """Says once that an analysis was stopped, and what is left of it."""
    if said := st.session_state.pop(_said(page), None):
        show_info(said)


def _said(page: str) -> str:
    return f"cancelled-{page}"


def _cancelled(session: Session, analysis: Analysis) -> str:
    if analysis.out.is_relative_to(session.folder):
        return f"{analysis.recording.name}: cancelled; nothing of it is kept."
    return f"{analysis.recording.name}: cancelled; what was analysed until then is in {analysis.out}."


@st.fragment(run_every=0.5)
def _show_waiting(session: Session, page: str, analysis: Analysis) -> None:
    """Looked at twice a second; the whole page is run again when it is over."""
    if not analysis.running:
        st.rerun()
    share, words = _reached(analysis)
    with st.container(border=True):
        show_caption(words)
        st.progress(share)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Cancel", key=f"cancel-{page}"):
                with st.spinner("Stopping"):
                    session.forget(page)
                st.session_state[_said(page)] = _cancelled(session, analysis)
                st.rerun()
            st.caption("It goes on while you look at the other pages. Closing this page ends it.")


def _reached(analysis: Analysis) -> tuple[float, str]:
    """Share of the work, 0 to 1, and a line about it."""
    activity = next(iter(analysis.progress.workers.values()), None)
    if activity is None or activity.progress is None:
        return 0.0, f"{analysis.recording.name}: loading the models"
    reached = activity.progress
    frames, _ = activity.speed(time.monotonic())
    said = [clock(reached.time_s)]
    if reached.frames_total:
        said.append(f"frame {reached.frames} of {reached.frames_total}")
    if frames:
        said.append(f"{frames:.0f} frames a second")
    if frames and reached.frames_total:
        said.append(f"{lasting(max(0, reached.frames_total - reached.frames) / frames)} left")
    return activity.share, f"{analysis.recording.name}: {', '.join(said)}"
