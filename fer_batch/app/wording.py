"""How the page words options in errors: by the names of its controls."""

from __future__ import annotations

from typing import Final

from fer_batch.errors import FerBatchError

_CONTROLS: Final[dict[tuple[str, object], str]] = {
    ("video", False): '"Make an annotated video" switched off',
    ("fps", None): '"Frames"',
    ("every", None): '"Frames"',
    ("persons", False): '"Tell people apart by their faces" switched off',
    ("model", None): '"Emotion model"',
    ("output", None): '"Keep the results in this folder"',
}


def page_words(option: str, value: object) -> str | None:
    """Word an option by its control; None where the page has none. See :data:`fer_batch.errors.OptionWords`."""
    return _CONTROLS.get((option, value), _CONTROLS.get((option, None)))


def page_sentence(error: FerBatchError) -> str:
    """Return what an error says, options worded as the page has them."""
    return error.worded(page_words)
