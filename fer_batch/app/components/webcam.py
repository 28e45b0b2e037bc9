"""The camera of the visitor's own device, by WebRTC between this machine and the browser alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from fer_batch.app.camera_feed import CameraFeed
from fer_batch.app.components.widgets import show_error
from fer_batch.app.jobs import LiveWatch
from fer_batch.app.sessions import Session
from fer_batch.app.wording import page_sentence
from fer_batch.errors import FerBatchError

if TYPE_CHECKING:
    import av

_NO_SERVERS: Final[dict[str, Any]] = {"iceServers": []}
"""Nobody else is asked for this machine's address; were this left out, a server on the internet would be."""
_CONSTRAINTS: Final[dict[str, Any]] = {
    "video": {"width": {"ideal": 640}, "frameRate": {"ideal": 25, "max": 30}},
    "audio": False,
}
"""Of the camera: faces of people before it are large in so many pixels."""

_WORDS: Final = {
    "start": "Start the camera",
    "stop": "Stop",
    "select_device": "Choose the camera",
    "media_api_not_available": "Browsers give the camera only to pages over https, or of this machine.",
    "device_ask_permission": "Please let this page use the camera.",
    "device_not_available": "There is no camera.",
    "device_access_denied": "The browser does not let this page use the camera.",
}


def show_browser_camera(session: Session, page: str, begin: Callable[[CameraFeed], LiveWatch]) -> None:
    """Asks the browser for its camera; while it sends, that is watched.

    Args:
        session: whose browser it is.
        page: the page whose work it is.
        begin: begins to watch a feed.
    """
    if find_spec("streamlit_webrtc") is None:
        st.info('The camera needs one more package: pip install "fer-batch[app]".')
        return
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    feeding = st.session_state.setdefault("live-feed", _Feeding())
    context = webrtc_streamer(
        "live-camera",
        WebRtcMode.SENDONLY,
        rtc_configuration=_NO_SERVERS,
        media_stream_constraints=_CONSTRAINTS,
        video_frame_callback=feeding.take,
        translations=_WORDS,
        media_toggle_controls=False,
    )
    work = session.work(page)
    if context.state.playing and feeding.feed is None:
        feeding.feed = CameraFeed()
        try:
            begin(feeding.feed)
        except FerBatchError as error:
            feeding.feed.close()
            show_error(page_sentence(error))
    elif not context.state.playing and feeding.feed is not None:
        feeding.feed = None
        if work is not None and not context.state.signalling:
            with st.spinner("Writing what was seen"):
                work.close()
    if context.state.signalling and session.local:
        st.caption("Without any network the camera does not connect: then choose the address of a camera, and give 0.")
    if not (context.state.playing or session.local):
        st.caption("Browsers give the camera to this page only over https, or on the machine that serves it.")


class _Feeding:
    """Hands the browser's pictures to whatever watches now; it lives as long as the visit."""

    def __init__(self) -> None:
        self.feed: CameraFeed | None = None

    def take(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Called with each picture, in a thread of the connection's."""
        if self.feed is not None:
            self.feed.put(picture)
        return picture
