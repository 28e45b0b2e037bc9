"""What a source of frames is, and opening the right one for a path."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from fer_batch.errors import InputError
from fer_batch.inputs import PHOTO_SUFFIXES
from fer_batch.video.frame import Frame
from fer_batch.video.probe import Probe


@dataclass(slots=True)
class ReadCounts:
    """What happened while reading, filled as frames are drawn."""

    frames: int = 0
    """Decoded so far."""
    damaged_packets: int = 0
    """Packets that could not be decoded or read, skipped."""
    damaged_frames: int = 0
    """Frames that the decoder itself marks as corrupt, kept."""
    repaired_times: int = 0
    """Frames whose presentation time was missing or ran backwards; they got the previous one plus a frame's length."""
    ended_early: str | None = None
    """A sentence when the file stops before its own header says it should."""


class Source(Protocol):
    """A recording that can be read once, front to back."""

    @property
    def probe(self) -> Probe:
        """What the recording is."""
        ...

    @property
    def counts(self) -> ReadCounts:
        """What happened so far."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Every frame in presentation order.

        Raises:
            InputError: when not a single frame can be decoded.
        """
        ...

    def close(self) -> None:
        """Releases the file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(path: Path) -> Source:
    """The source for a file, by its suffix a photo or else a video.

    Raises:
        InputError: when the file is missing, empty, not media, or holds no picture.
    """
    from fer_batch.video.file import VideoFile
    from fer_batch.video.photo_source import Photo

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
        raise InputError(f"{path}: no such file; check the path.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check the file and its permissions.") from error
    if status.st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its origin.")
    return Photo(path) if path.suffix.lower() in PHOTO_SUFFIXES else VideoFile(path)
