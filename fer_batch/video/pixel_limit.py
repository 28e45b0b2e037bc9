"""The largest picture that is decoded, checked before memory is taken for it."""

from __future__ import annotations

from fer_batch.errors import InputError


def refuse_oversized(shown: object, width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture that is larger than allowed.

    Args:
        shown: the recording's name for the message.
        width: pixels, as stored or as displayed.
        height: likewise.
        max_pixels: the limit.

    Raises:
        InputError: when the picture has more pixels.
    """
    if width * height > max_pixels:
        raise InputError(oversized(shown, max_pixels, f"its pictures of {width}x{height}"))


def oversized(shown: object, max_pixels: int, what: str = "its pictures") -> str:
    """The sentence about a recording whose pictures are too large."""
    limit = f"{max_pixels / 1e6:.6g} million pixels that --max-pixels (max_pixels=) allows"
    return f"{shown}: {what} have more than the {limit}; raise that to read them, unless the file is damaged."
