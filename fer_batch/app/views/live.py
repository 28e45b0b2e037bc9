"""What a camera sees now: the browser's own, or one that is reached by an address."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fer_batch.app.camera_feed import CameraFeed
from fer_batch.app.components.webcam import show_browser_camera
from fer_batch.app.components.widgets import show_caption, show_downloads, show_error, show_view, widget_key
from fer_batch.app.jobs import LiveWatch
from fer_batch.app.sessions import Session
from fer_batch.app.sessions import session as visit
from fer_batch.app.wording import page_sentence
from fer_batch.config import Outputs, Settings
from fer_batch.errors import FerBatchError, InputError
from fer_batch.live.options import CaptureOptions, LiveJob, LiveOptions
from fer_batch.live.source_url import Address, parse_address
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.resources import threads_each

_PAGE = "live"
_HEIGHT = 640
"""Pixels of the live page within this one: a picture and the bars of two faces."""
_FIRST_PICTURE_S = 10.0
"""A camera that sends none in so long is off, or its address is wrong."""
_CAMERA, _ADDRESS = "This device's camera", "Address of a camera"


def show() -> None:
    """The page."""
    session = visit()
    st.title("Live")
    st.write("What faces show as it happens, a tenth of a second later.")
    work = session.work(_PAGE)
    if isinstance(work, LiveWatch) and work.running and not work.is_fed:
        _offer_stop(work)
    else:
        _ask(session)
    work = session.work(_PAGE)
    if isinstance(work, LiveWatch):
        _show(session, work)


def _ask(session: Session) -> None:
    """What to watch, and what is kept of it."""
    # Whoever sits elsewhere must not reach into this machine's network.
    ways = [_CAMERA, _ADDRESS] if session.local else [_CAMERA]
    way = st.segmented_control("The camera", ways, key=widget_key("live-way", _CAMERA))
    out, video = _output_folder(session)
    if way == _ADDRESS:
        _ask_address(session, out, video)
    else:
        show_browser_camera(session, _PAGE, lambda feed: watch(session, feed.address, out, video, feed))


def _offer_stop(work: LiveWatch) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Stop", type="primary"):
            with st.spinner("Writing what was seen"):
                work.close()
            st.rerun()
        show_caption(f"{work.job.address.shown}. It goes on while you look at the other pages.")


def _output_folder(session: Session) -> tuple[Path | None, bool]:
    """Folder for the results, None for the visit's own; and whether annotated video is kept."""
    with st.expander("What is kept"):
        video = st.toggle("Keep annotated video", key=widget_key("live-video", True))
        folder = ""
        if session.local:
            folder = st.text_input(
                "Keep the results in this folder",
                key=widget_key("live-folder", ""),
                placeholder="unless given, they are removed with this visit",
            )
    return (Path(folder.strip()).expanduser() if folder.strip() else None), video


def _ask_address(session: Session, out: Path | None, video: bool) -> None:
    # In a form Enter begins it, and so does the first click, which else only tells that something was typed.
    with st.form("live-ask", border=False):
        text = st.text_input(
            "Address",
            key=widget_key("live-address", ""),
            placeholder="rtsp://user:password@10.0.0.5/stream, or 0 for a webcam here",
        )
        submitted = st.form_submit_button("Watch", type="primary")
    if submitted and text.strip():
        try:
            address = parse_address(text)
            if address.kind == "file":
                raise InputError(f"{address.shown}: is a file; the page Video analyses files.")
            watch(session, address, out, video)
        except FerBatchError as error:
            show_error(page_sentence(error))
            return
        st.rerun()


def watch(
    session: Session, address: Address, out: Path | None, video: bool, feed: CameraFeed | None = None
) -> LiveWatch:
    """Begins to watch a source; what was watched before is stopped.

    Args:
        session: who watches.
        address: the source.
        out: folder for the results; None for one that goes with the visit.
        video: keep annotated video.
        feed: what sends the source's pictures, if that is not elsewhere; it ends with the watching.
    """
    folder = session.place(_PAGE)
    options = LiveOptions(
        # A camera may come back; a feed that has ended does not.
        CaptureOptions(connect_timeout_s=_FIRST_PICTURE_S, retries=None if feed is None else 0),
        Settings(session.model, max_pixels=session.max_pixels),
        Outputs(out or folder / "results", "both", video),
        preview=True,
    )
    work = LiveWatch(LiveJob(address.id, address, options, threads_each(1)), feed)
    session.begin(_PAGE, work)
    work.start()
    return work


def _show(session: Session, work: LiveWatch) -> None:
    if work.running:
        st.iframe(
            f"/watched/{session.token}/", height=_HEIGHT, alt="The camera's picture with its faces, and their bars"
        )
        _until_over(work)
        return
    if work.error is not None:
        show_error(work.error)
    out, name = work.job.options.outputs.folder, work.job.name
    document = Layout(out).record(name)
    if not work.connected or not document.is_file():
        return
    record = RecordingRecord.read(document)
    st.subheader("What was seen")
    if not record.counts.get("rows"):
        st.info("No face was seen.")
        return
    show_downloads(session, _PAGE, out, record)
    if not out.is_relative_to(session.folder):
        show_caption(f"All results are in {out}.")
    show_view(session, _PAGE, out, name)


@st.fragment(run_every=1.0)
def _until_over(work: LiveWatch) -> None:
    """Looks whether it has ended by itself."""
    if not work.running:
        st.rerun()
    if work.notice is not None:
        show_caption(work.notice)
