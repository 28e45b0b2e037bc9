"""From what the user names to the recordings it stands for, each with an id of its own."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_batch.addresses import refuse_address
from fer_batch.errors import InputError
from fer_batch.own_results import OwnResults
from fer_batch.video.suffixes import PHOTO_SUFFIXES, VIDEO_SUFFIXES


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
    is no file's name stands for the files it matches (``**`` for any depth). Copies that fer-batch annotated are left
    out of both, so that a second run over the same place does not take them for recordings.

    Args:
        inputs: files, folders and patterns.
        leave_out: a folder, usually the output, in which nothing is looked for.

    Raises:
        InputError: when something does not exist, is an address or holds no media, or two files would get one id.
    """
    own = OwnResults(leave_out)
    found: dict[Path, Recording] = {}
    for given in inputs:
        if not isinstance(given, str | os.PathLike):
            raise InputError(f"{given!r}: is no path; give files, folders and patterns one by one.")
        try:
            for recording in _expand(os.fspath(given), own):
                found.setdefault(recording.path, recording)
        except OSError as error:
            raise InputError(
                f"{error.filename}: cannot be searched ({error.strerror}); check its permissions."
            ) from None
    recordings = _without_repeats(list(found.values()))
    for recording in recordings:
        if _is_no_text(recording.id):
            raise InputError(f"{str(recording.path)!r}: the name is not valid Unicode; rename the file.")
    taken = Counter(recording.id for recording in recordings)
    doubled = sorted(name for name, count in taken.items() if count > 1)
    if doubled:
        raise InputError(
            f"{doubled[0]}: {taken[doubled[0]]} different files given have this name; "
            "give the folder that holds them all, so that their paths tell them apart."
        )
    if not recordings:
        raise InputError("No recording is given, or the output folder alone; give a video, a photo or a folder.")
    return recordings


def _without_repeats(recordings: list[Recording]) -> list[Recording]:
    """Without what is the same file under the same name, by way of a linked folder."""
    taken = Counter(recording.id for recording in recordings)
    seen, kept = set(), []
    for recording in recordings:
        # Following links takes a while with thousands of files.
        place = recording.path.resolve() if taken[recording.id] > 1 else recording.path
        if (recording.id, place) not in seen:
            seen.add((recording.id, place))
            kept.append(recording)
    return kept


def _expand(given: str, own: OwnResults) -> list[Recording]:
    if not given:
        raise InputError("An empty name is given as input; give a file, a folder or a pattern.")
    refuse_address(given)
    # Links are kept: it is the link's name that says what a file is.
    path = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow them
    if path.is_dir():
        files = [file for file in _media_below(path) if not own.holds(file, path)]
        # A shell's * names the output folder too.
        if not files and not own.is_output(path):
            raise InputError(f"{given}: holds no video or photo; give a folder with recordings.")
        return [Recording(file.relative_to(path).as_posix(), file) for file in files]
    if not os.path.lexists(path) and glob.has_magic(given):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute patterns
        files = [file for file in matches if file.is_file() and _is_media(file)]
        files = [file for file in files if not own.holds(file, Path(path.anchor))]
        if not files:
            raise InputError(f"{given}: no video or photo matches this pattern.")
        return [Recording(file.name, file) for file in files]
    if not path.exists():
        raise InputError(f"{given}: no such file or folder; check the path.")
    # Whatever its suffix: a file that is named is meant.
    return [Recording(path.name, path)]


def _is_media(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_SUFFIXES | PHOTO_SUFFIXES


def _media_below(folder: Path) -> list[Path]:
    found, seen = [], {folder.resolve()}
    for root, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        here = Path(root)
        # A linked folder counts once, or a link to a folder above would lead round in circles.
        new = {name: (here / name).resolve() for name in sorted(folders) if not name.startswith(".")}
        folders[:] = [name for name, place in new.items() if place not in seen]
        seen.update(new.values())
        found += [here / name for name in files if not name.startswith(".") and _is_media(here / name)]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def _is_no_text(name: str) -> bool:
    """Whether a file name is in another encoding, so that no JSON document or table can hold it."""
    return any("\ud800" <= letter <= "\udfff" for letter in name)
