"""From what the user names to the recordings it stands for, each with an id of its own."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_batch.errors import InputError

VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".264", ".265", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc"}
    | {".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".ts", ".vob"}
    | {".webm", ".wmv", ".y4m"}
)
PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to analyse."""

    id: str
    """Its path below the folder that was given, with ``/``; for a lone file its name."""
    path: Path

    @property
    def is_photo(self) -> bool:
        """Whether the suffix is a photo's."""
        return self.path.suffix.lower() in PHOTO_SUFFIXES


def find_recordings(inputs: Iterable[str | Path], leave_out: Path | None = None) -> list[Recording]:
    """Every recording that the inputs stand for, in the order given, folders sorted by path.

    A folder stands for all videos and photos below it, hidden files left out; a pattern with ``*``, ``?`` or ``[`` that
    is no file's name stands for the files it matches (``**`` for any depth).

    Args:
        inputs: files, folders and patterns.
        leave_out: a folder, usually the output, in which nothing is looked for.

    Raises:
        InputError: when something does not exist, holds no media, or two files would get one id.
    """
    found: dict[Path, str] = {}
    for given in inputs:
        for recording in _expand(str(given), leave_out):
            found.setdefault(recording.path.resolve(), recording.id)
    taken = Counter(found.values())
    doubled = sorted(name for name, count in taken.items() if count > 1)
    if doubled:
        raise InputError(
            f"{doubled[0]}: {taken[doubled[0]]} different files given have this name; "
            "give the folder that holds them all, so that their paths tell them apart."
        )
    return [Recording(name, path) for path, name in found.items()]


def _expand(given: str, leave_out: Path | None) -> list[Recording]:
    path = Path(given)
    if path.is_dir():
        recordings = [Recording(file.relative_to(path).as_posix(), file) for file in _media_below(path, leave_out)]
        if not recordings:
            raise InputError(f"{given}: holds no video or photo; give a folder with recordings.")
        return recordings
    if not os.path.lexists(path) and glob.has_magic(given):
        files = [Path(match) for match in sorted(glob.glob(given, recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute patterns
        recordings = [Recording(file.name, file) for file in files if file.is_file() and _is_media(file)]
        if not recordings:
            raise InputError(f"{given}: no video or photo matches this pattern.")
        return recordings
    if not path.exists():
        raise InputError(f"{given}: no such file or folder; check the path.")
    # Whatever its suffix: a file that is named is meant.
    return [Recording(path.name, path)]


def _is_media(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_SUFFIXES | PHOTO_SUFFIXES


def _media_below(folder: Path, leave_out: Path | None) -> list[Path]:
    skipped = leave_out.resolve() if leave_out is not None else None
    found = []
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and (here / name).resolve() != skipped)
        found += [here / name for name in files if not name.startswith(".") and _is_media(here / name)]
    return sorted(found)
