"""The seven emotions and their order, the same in code, columns, models and displays."""

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
