"""Photos as recordings of one frame."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import av
import numpy as np

from fer_batch.errors import InputError
from fer_batch.utils.closing import Closing
from fer_batch.video.frame import Display, Frame
from fer_batch.video.image_codec import decode_checked, picture_size
from fer_batch.video.pixel_limit import MAX_PIXELS, refuse_oversized
from fer_batch.video.place import Place
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts

_MOST_BYTES = 8
"""Of a file for each pixel that is allowed: 16 bits of four colours."""


class Photo(Closing):
    """A JPEG, PNG, TIFF, WebP or BMP file; the first three are turned as their EXIF orientation says.

    Args:
        path: the file.
        max_pixels: a larger picture is refused before it is decoded.

    Raises:
        InputError: when the file is no picture that can be decoded, or claims to be too large.
    """

    def __init__(self, path: Path, max_pixels: int = MAX_PIXELS) -> None:
        self._path = path
        stored, size = path.stat().st_size, picture_size(path, max_pixels)
        if size is not None:
            refuse_oversized(path, *size, max_pixels)
        if size is None or stored > _MOST_BYTES * max_pixels:
            picture = None
        else:
            picture = decode_checked(np.fromfile(path, np.uint8))
        if picture is None:
            raise InputError(f"{path}: cannot be read as a photo; the file is damaged or not a picture.")
        height, width = picture.shape[:2]
        # A copy, since FFmpeg reads a little beyond the end of a picture's memory, which only its own allows.
        self._picture = av.VideoFrame.from_ndarray(picture, format="bgr24")
        self._display = Display(width, height)
        self.counts = ReadCounts()
        kind = path.suffix.lower().lstrip(".")
        self.probe = Probe("photo", kind, kind, "bgr24", width, height, 0, None, None, 1, None, stored)

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def frames(self, start: Place | None = None) -> Generator[Frame]:
        """The one frame, at time 0."""
        assert start is None, "a photo has no places"
        self.counts.frames = 1
        yield Frame(0, 0.0, self._picture, self._display)

    def places(self) -> Sequence[Place]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing is held open."""
