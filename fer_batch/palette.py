"""One colour an emotion, told apart by colour-blind readers too, the same in every picture that fer-batch makes.

Okabe and Ito 2008, "Color Universal Design", with a middle gray for neutral.
"""

from __future__ import annotations

from typing import Final

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (153, 153, 153),
}
"""RGB, 0 to 255."""


def hex_colour(emotion: str) -> str:
    """The emotion's colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*COLOURS[emotion])
