"""The small picture by which browsers mark the page."""

from __future__ import annotations

from PIL import Image, ImageDraw

from fer_batch.palette import COLOURS

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
