"""From what the user names to the recordings it stands for, each with an id of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.inputs.exclusions import OwnResults
from fer_batch.inputs.file_lists import Listed
from fer_batch.inputs.recording_ids import Candidate, distinct_ids
from fer_batch.inputs.search import Matches, search
from fer_batch.video.formats import PHOTO_SUFFIXES


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
    for given in inputs:
        found = _search(given, own)
        files += found.files
        passed_over += found.passed_over
    recordings = [Recording(name, path) for path, name in distinct_ids(files).items()]
    if not recordings:
        raise InputError("No recording is given, or the output folder alone; give a video, a photo or a folder.")
    return FoundRecordings(recordings, passed_over)


def _search(given: str | os.PathLike[str], own: OwnResults) -> Matches:
    """What one input stands for; what is wrong with it is told with its place in a list."""
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"{given!r}: is no path; give files, folders and patterns one by one.")
    try:
        try:
            return search(os.fspath(given), own)
        except OSError as error:
            raise InputError(
                f"{error.filename}: cannot be searched ({error.strerror}); check its permissions."
            ) from error
    except InputError as error:
        if not isinstance(given, Listed):
            raise
        raise InputError(f"{given.place}: {error}") from error
