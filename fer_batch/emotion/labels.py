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
