"""The seven emotions, their order in code, columns and models, and one colour for each."""

from __future__ import annotations

from typing import Final

EMOTIONS: Final[tuple[str, ...]] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "sad",
    "surprise",
    "neutral",
)
"""Ekman's six basic emotions and neutral, in the order of FER2013 (Goodfellow et al., 2013)."""

_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "neutrality": "neutral",
}


def emotion_index(name: object) -> int:
    """The place of an emotion's name in ``EMOTIONS``, or -1; "anger" and its like are understood."""
    text = str(name).strip().lower()
    text = _SYNONYMS.get(text, text)
    return EMOTIONS.index(text) if text in EMOTIONS else -1


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
