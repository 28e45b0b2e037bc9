"""Opening the right source for a path, photographs as recordings of one frame."""

from __future__ import annotations

import stat
from collections.abc import Generator, Sequence
from pathlib import Path

import av
import numpy as np

from fer_batch.config import MAX_PIXELS
from fer_batch.errors import FerBatchError, UnreadableMediaError, summarized
from fer_batch.filesystem.paths import PHOTO_SUFFIXES, refuse_address
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Display, Frame
from fer_batch.video.image_codec import decode_checked, picture_size
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts, SeekPoint, Source, refuse_oversized
from fer_batch.video.video_reader import VideoFile


def open_source(path: Path, max_pixels: int = MAX_PIXELS, opening_bytes: int | None = None) -> Source:
    """The source for a file, by its suffix a photo or else a video.

    Args:
        path: the file.
        max_pixels: larger pictures are refused before they are decoded.
        opening_bytes: see :class:`fer_batch.video.video_reader.VideoFile`.

    Raises:
        InputError: when the file is missing, empty, not media, holds no picture or one that is too large, or is the
            address of a stream; also for whatever else a library makes of what the file holds.
    """
    refuse_address(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableMediaError(path, "is a folder; give a video or photo inside it")
        # Opening a pipe would wait for its writer, and a recording is read more than once.
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableMediaError(path, "is a pipe or device, not a file; save the recording to a file first")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        problem = "is a link to a file that is not there" if path.is_symlink() else "no such file"
        raise UnreadableMediaError(path, f"{problem}; check the path") from None
    except OSError as error:
        raise UnreadableMediaError(
            path, f"cannot be opened ({error.strerror}); check the file and its permissions"
        ) from error
    if status.st_size == 0:
        raise UnreadableMediaError(path, "the file is empty (0 bytes); copy it again from its origin")
    try:
        if path.suffix.lower() in PHOTO_SUFFIXES:
            return Photo(path, max_pixels)
        return VideoFile(path, max_pixels=max_pixels, opening_bytes=opening_bytes)
    except (FerBatchError, MemoryError):
        raise
    except Exception as error:
        raise UnreadableMediaError(path, f"cannot be read ({summarized(error)}); it may be damaged") from error


_MOST_BYTES = 8
"""Of a file for each pixel that is allowed: 16 bits of four colours."""


class Photo(Closeable):
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
            raise UnreadableMediaError(path, "cannot be read as a photo; the file is damaged or not a picture")
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

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        """The one frame, at time 0."""
        assert start is None, "a photo has no places"
        self.counts.frames = 1
        yield Frame(0, 0.0, self._picture, self._display)

    def places(self) -> Sequence[SeekPoint]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing is held open."""
