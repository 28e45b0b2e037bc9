"""The page's script, which Streamlit runs for each visitor and each click: it chooses what is shown."""

from __future__ import annotations

import streamlit as st
from PIL import Image, ImageDraw

from fer_batch.app.views import live, model, photo, results, video
from fer_batch.emotions import COLOURS

_SIDE = 64
"""Pixels, as the largest that tabs show."""


def icon() -> Image.Image:
    """A face in the colour of happiness; Streamlit's own symbols would be fetched from the internet."""
    picture = Image.new("RGBA", (_SIDE, _SIDE))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((2, 2, 61, 61), fill=COLOURS["happy"])
    for left in (18, 38):
        pen.ellipse((left, 20, left + 8, 30), fill="black")
    pen.arc((16, 18, 48, 50), 20, 160, fill="black", width=5)
    return picture


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
