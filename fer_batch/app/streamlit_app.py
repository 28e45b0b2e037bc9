"""The page's script, which Streamlit runs for each visitor and each click: it chooses what is shown."""

from __future__ import annotations

import streamlit as st

from fer_batch.app.icon import icon
from fer_batch.app.views import live, model, photo, results, video

st.set_page_config(page_title="fer-batch", page_icon=icon(), layout="wide")
pages = [
    st.Page(photo.show, title="Photo", icon=":material/photo_camera:", url_path="photo", default=True),
    st.Page(video.show, title="Video", icon=":material/movie:", url_path="video"),
    st.Page(live.show, title="Live", icon=":material/videocam:", url_path="live"),
    st.Page(results.show, title="Results", icon=":material/insights:", url_path="results"),
    st.Page(model.show, title="Model", icon=":material/fact_check:", url_path="model"),
]
st.navigation(pages, position="top").run()
st.divider()
st.caption(
    "The numbers say what a face shows to people who look at it, not what a person feels, and they are often wrong for "
    "rare and subtle expressions. Do not use them to decide about people, or on people who have not agreed. Nothing "
    "leaves the machine that serves this page, and what you give it is removed some time after you close it."
)
