"""Opening the right source for a path."""

from __future__ import annotations

import stat
from pathlib import Path

from fer_batch.errors import FerBatchError, InputError, summarized
from fer_batch.filesystem.paths import refuse_address
from fer_batch.video.formats import PHOTO_SUFFIXES
from fer_batch.video.photo_source import Photo
from fer_batch.video.pixel_limit import MAX_PIXELS
from fer_batch.video.source import Source
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
            raise InputError(f"{path}: is a folder; give a video or photo inside it.")
        # Opening a pipe would wait for its writer, and a recording is read more than once.
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is a pipe or device, not a file; save the recording to a file first.")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        problem = "is a link to a file that is not there" if path.is_symlink() else "no such file"
        raise InputError(f"{path}: {problem}; check the path.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check the file and its permissions.") from error
    if status.st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its origin.")
    try:
        if path.suffix.lower() in PHOTO_SUFFIXES:
            return Photo(path, max_pixels)
        return VideoFile(path, max_pixels=max_pixels, opening_bytes=opening_bytes)
    except (FerBatchError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{path}: cannot be read ({summarized(error)}); is it damaged?") from error
