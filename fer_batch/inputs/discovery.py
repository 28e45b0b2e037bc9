"""Recordings that files, folders and patterns stand for, without what fer-batch itself wrote."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.filesystem.paths import PHOTO_SUFFIXES, VIDEO_SUFFIXES, refuse_address
from fer_batch.inputs.file_lists import Listed
from fer_batch.inputs.recording_ids import Candidate, distinct_ids
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to analyse."""

    id: str
    """Its path below the folder that was given, with ``/``; for a lone file its name.

    See :mod:`fer_batch.inputs.recording_ids`.
    """
    path: Path
    annotated: Path | None = None
    """Where its annotated copy goes, once planned."""

    @property
    def is_photo(self) -> bool:
        """Whether the suffix is a photo's."""
        return self.path.suffix.lower() in PHOTO_SUFFIXES


@dataclass(frozen=True, slots=True)
class FoundRecordings:
    """What the inputs stand for."""

    recordings: list[Recording]
    """In the order given, folders and patterns sorted by path."""
    passed_over: int
    """Files in folders and among the matches of patterns that are no video or photo; hidden ones do not count."""


def find_recordings(inputs: Iterable[str | os.PathLike[str]], leave_out: Path | None = None) -> list[Recording]:
    """Every recording that the inputs stand for: what :func:`search_inputs` finds."""
    return search_inputs(inputs, leave_out).recordings


def search_inputs(inputs: Iterable[str | os.PathLike[str]], leave_out: Path | None = None) -> FoundRecordings:
    """Every recording that the inputs stand for, and what was passed over.

    A folder stands for all videos and photos below it, hidden files left out; a pattern with ``*``, ``?`` or ``[`` that
    is no file's name stands for the files it matches (``**`` for any depth). Copies that fer-batch annotated are left
    out of both, so that a second run over the same place does not take them for recordings.

    Args:
        inputs: files, folders and patterns, also out of lists.
        leave_out: a folder, usually the output, in which nothing is looked for.

    Raises:
        InputError: when something does not exist, is an address or holds no media.
    """
    own = OwnResults(leave_out)
    files: list[Candidate] = []
    passed_over = 0
    for entry in inputs:
        matches = _search(entry, own)
        files += matches.files
        passed_over += matches.passed_over
    recordings = [Recording(name, path) for path, name in distinct_ids(files).items()]
    if not recordings:
        raise InputError("No recording is given, or the output folder alone; give a video, a photo or a folder.")
    return FoundRecordings(recordings, passed_over)


def _search(name: str | os.PathLike[str], own: OwnResults) -> Matches:
    """What one input stands for; what is wrong with it is told with its place in a list."""
    if not isinstance(name, str | os.PathLike):
        raise InputError(f"{name!r}: is no path; give files, folders and patterns one by one.")
    try:
        try:
            return search(os.fspath(name), own)
        except OSError as error:
            raise InputError(
                f"{error.filename}: cannot be searched ({error.strerror}); check its permissions."
            ) from error
    except InputError as error:
        if not isinstance(name, Listed):
            raise
        raise error.within(name.place) from error


@dataclass(slots=True)
class Matches:
    """What an input stands for."""

    files: list[Candidate] = field(default_factory=list)
    """Sorted by path."""
    passed_over: int = 0
    """Files that are no video or photo, hidden ones and fer-batch's own not counted."""


def search(name: str, own: OwnResults) -> Matches:
    """Finds what an input stands for.

    Hidden files, whose names start with a dot, and what fer-batch wrote itself are left out of folders and patterns.

    Raises:
        InputError: when it does not exist, is an address or holds no media.
        OSError: when a folder may not be searched.
    """
    if not name:
        raise InputError("An empty name is given as input; give a file, a folder or a pattern.")
    refuse_address(name)
    # Links are kept: it is the link's name that says what a file is.
    path = Path(os.path.abspath(name))  # noqa: PTH100 - resolve() would follow them
    if path.is_dir():
        matches = _below(path, own)
        # A shell's * names the output folder too.
        if not matches.files and not own.is_output(path):
            raise InputError(f"{name}: holds no video or photo; give a folder with recordings.")
        return matches
    if not os.path.lexists(path) and glob.has_magic(name):
        matches = _matching(path, own)
        if not matches.files:
            raise InputError(f"{name}: no video or photo matches this pattern.")
        return matches
    if not path.exists():
        raise InputError(f"{name}: no such file or folder; check the path.")
    # Whatever its suffix: a file that is named is meant.
    return Matches([Candidate(path, (path.name,))])


def _below(folder: Path, own: OwnResults) -> Matches:
    matches, seen = Matches(), {folder.resolve()}
    for root, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        parent = Path(root)
        # A linked folder counts once, or a link to a folder above would lead round in circles.
        new = {name: (parent / name).resolve() for name in sorted(folders) if not name.startswith(".")}
        folders[:] = [name for name, place in new.items() if place not in seen and not own.is_output(parent / name)]
        seen.update(new.values())
        _add(matches, folder, [parent / name for name in files if not name.startswith(".")], own)
    matches.files.sort(key=lambda file: file.path)
    return matches


def _matching(pattern: Path, own: OwnResults) -> Matches:
    """The files that a pattern matches, below the part of it that is no pattern but a folder's name."""
    fixed = Path(pattern.anchor)
    parts = pattern.parts[1:]
    # A folder may be called "take [1]".
    while len(parts) > 1 and (not glob.has_magic(parts[0]) or os.path.lexists(fixed / parts[0])):
        fixed, parts = fixed / parts[0], parts[1:]
    names = sorted(glob.glob(str(Path(*parts)), root_dir=fixed, recursive=True))  # noqa: PTH207 - Path.glob differs in **
    matches, places = Matches(), dict[Path, Path]()
    files = [fixed / name for name in names if (fixed / name).is_file() and not _is_circular(fixed, name, places)]
    _add(matches, fixed, files, own)
    return matches


def _is_circular(fixed: Path, name: str, places: dict[Path, Path]) -> bool:
    """Whether a link on the way to a file leads back to a folder on that way; ``places`` is kept between calls."""
    way = [fixed, *(fixed / folder for folder in list(Path(name).parents)[-2::-1])]
    for folder in way:
        if folder not in places:
            places[folder] = folder.resolve()
    return len({places[folder] for folder in way}) < len(way)


def _add(matches: Matches, searched: Path, files: list[Path], own: OwnResults) -> None:
    for file in files:
        if own.holds(file, searched):
            continue
        if file.suffix.lower() not in VIDEO_SUFFIXES | PHOTO_SUFFIXES:
            matches.passed_over += 1
        else:
            matches.files.append(Candidate(file, file.relative_to(searched).parts))


def _raise(error: OSError) -> None:
    raise error


_MARK = re.compile(r"~[0-9a-f]{8}(?=$|\.)")
"""What may tell a copy's name from others: see :func:`fer_batch.inputs.recording_ids.marked`."""


class OwnResults:
    """Tells results from recordings, for one search.

    Args:
        output: a folder, usually the output, in which nothing counts as a recording.
    """

    def __init__(self, output: Path | None) -> None:
        self._output = output.resolve() if output is not None and output.is_dir() else None
        self._is_output: dict[Path, bool] = {}
        self._records: dict[Path, dict[str, list[Path]]] = {}

    def is_output(self, folder: Path) -> bool:
        """Whether this is the output folder, by whatever name."""
        if folder not in self._is_output:
            self._is_output[folder] = self._output is not None and folder.resolve() == self._output
        return self._is_output[folder]

    def holds(self, file: Path, searched: Path) -> bool:
        """Whether a file lies in the output folder, if that is below the one searched, or is an annotated copy."""
        for folder in file.parents:
            if folder == searched:
                break
            if self.is_output(folder) or (folder.name == "annotated" and self._is_copy(file, folder)):
                return True
        return False

    def _is_copy(self, file: Path, annotated: Path) -> bool:
        """Whether a document beside ``annotated`` is that of a recording whose copy this is.

        A document that lists files says where its copy is; another's copy would be in the usual place.
        """
        layout = Layout(annotated.parent)
        if self._is_live(layout, file.parent.relative_to(annotated).as_posix()):
            return True
        records = self._records_in(annotated.parent / "recordings" / file.parent.relative_to(annotated))
        names = {file.name, file.stem, _MARK.sub("", file.stem)}
        for document in {path for name in names for path in records.get(name, ())}:
            with suppress(InputError):
                record = RecordingRecord.read(document)
                usual = (layout.annotated(record.id), layout.annotated(record.id, photo=True))
                if file in ((layout.recorded_copy(record.files),) if record.files else usual):
                    return True
        return False

    @staticmethod
    def _is_live(layout: Layout, folder: str) -> bool:
        """Whether it is the folder of a live recording's segments."""
        with suppress(InputError):
            return bool(RecordingRecord.read(layout.recordings_folder / f"{folder}.json").live)
        return False

    def _records_in(self, folder: Path) -> dict[str, list[Path]]:
        """Documents by the name of their recording, with its suffix and without."""
        if folder not in self._records:
            files: dict[str, list[Path]] = {}
            self._records[folder] = files
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".json"):
                        name = entry.name.removesuffix(".json")
                        for key in {name, Path(name).stem}:
                            files.setdefault(key, []).append(Path(entry.path))
        return self._records[folder]
