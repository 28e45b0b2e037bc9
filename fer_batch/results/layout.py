"""Where everything about a recording lies in the output folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from fer_batch.errors import InputError
from fer_batch.filesystem.atomic import explained, leftovers

PART = "part-00000.parquet"
LONGEST_NAME = 255
"""Bytes that file systems allow for a name."""
_PARTITION = "recording="

# ASCII only: readers decode UTF-8 as it stands, as Spark writes it, and a name of 255 bytes has no room for %E3%81%82.
_NOT_IN_PARTITION = re.compile(r"[^A-Za-z0-9_.~\-\x80-\U0010ffff]")
# What a path gives a meaning to or Windows refuses, so that a study can be copied to any disk, and the escape itself.
_NOT_IN_NAME = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*%]')
# The end of "10.0.0.1" is no suffix.
_SUFFIX = re.compile(r"(?<=.)\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}$")
# What photographs are written as.
_PHOTO = re.compile(r"\.(jpe?g|png|webp)$", re.IGNORECASE)


def partition(recording: str) -> str:
    """The hive partition folder of a recording id, which pyarrow, DuckDB, Polars and Spark decode to the id.

    Raises:
        InputError: when the id is not valid Unicode (a file name in another encoding).
    """
    return _PARTITION + _escaped(_NOT_IN_PARTITION, recording)


def copy_name(recording: str, *, photo: bool = False) -> str:
    """The usual name of an annotated copy, folders in front: a video's with the suffix made .mp4; a photo's with its
    suffix, or with .png added where that says a rarer format.

    Videos that differ only in their suffix share it.
    """
    if photo:
        return recording if _PHOTO.search(recording) else recording + ".png"
    return _SUFFIX.sub("", recording) + ".mp4"


def recording_of(folder: str) -> str | None:
    """The reverse of :func:`partition`; None for any other folder name."""
    return unquote(folder.removeprefix(_PARTITION)) if folder.startswith(_PARTITION) else None


@dataclass(frozen=True, slots=True)
class Layout:
    """The output folder; every method takes a recording id and makes nothing.

    The ``/`` of an id are folders under ``csv``, ``annotated`` and ``recordings``. Characters with a meaning in paths
    are percent-encoded there, so that two ids never share a file and none leads out of the folder.
    All methods raise ``InputError`` for an id that is not valid Unicode.
    """

    out: Path

    def timeline(self, recording: str) -> Path:
        """The timeline's Parquet part."""
        return self.out / "timelines" / partition(recording) / PART

    def tracks(self, recording: str) -> Path:
        """The tracks table's Parquet part."""
        return self.out / "tracks" / partition(recording) / PART

    def episodes(self, recording: str) -> Path:
        """The episodes table's Parquet part."""
        return self.out / "episodes" / partition(recording) / PART

    def csv(self, recording: str) -> Path:
        """The timeline as CSV."""
        return self._file("csv", recording + ".csv")

    def annotated(self, recording: str, *, photo: bool = False) -> Path:
        """Where the annotated copy usually is; see :func:`copy_name`."""
        return self.copy(copy_name(recording, photo=photo))

    def copy(self, name: str) -> Path:
        """The annotated copy of this name, which may have folders in front."""
        return self._file("annotated", name)

    def recorded_copy(self, files: Iterable[str]) -> Path | None:
        """The annotated copy among the files that a recording's document lists."""
        copies = (PurePosixPath(name) for name in files)
        return next(
            (
                self.out / path
                for path in copies
                # On Windows these two could lead out of the folder; no name that is given here has them.
                if path.parts[:1] == ("annotated",) and ".." not in path.parts and not set("\\:") & set(str(path))
            ),
            None,
        )

    def record(self, recording: str) -> Path:
        """The recording's status document."""
        return self._file("recordings", recording + ".json")

    @property
    def recordings_folder(self) -> Path:
        """Where the status documents are."""
        return self.out / "recordings"

    def recordings(self) -> Iterator[str]:
        """The ids of all recordings that have a status document."""
        folder = self.out / "recordings"
        for path in folder.rglob("*.json"):
            yield unquote(path.relative_to(folder).as_posix().removesuffix(".json"))

    def remove(
        self, recording: str, *, photo: bool = False, annotated: Path | None = None, keep: Collection[Path] = ()
    ) -> None:
        """Removes all that an earlier run wrote for a recording, and the temporary files it may have left.

        Only names that fer-batch gives are removed, a folder only when that leaves it empty.

        Args:
            recording: its id.
            photo: whether it is one.
            annotated: where its annotated copy is, if not in the usual place.
            keep: files, and folders of parts, that stay.

        Raises:
            OutputError: when something cannot be removed.
        """
        for part in (self.timeline(recording), self.tracks(recording), self.episodes(recording)):
            # Parts of cameras have eight digits.
            parts = [] if part.parent in keep else part.parent.glob("part-?????.parquet")
            _unlink(*parts, *leftovers(part))
            with suppress(OSError):
                part.parent.rmdir()
        annotated = annotated or self.annotated(recording, photo=photo)
        for path in (self.csv(recording), annotated, self.record(recording)):
            _unlink(*([] if path in keep else [path]), *leftovers(path))

    def tidy(self, recording: str, annotated: Path) -> None:
        """Removes the temporary files that a process left that died at work on a recording.

        Args:
            recording: its id.
            annotated: where its annotated copy goes.

        Raises:
            OutputError: when something cannot be removed.
        """
        for part in (self.timeline(recording), self.tracks(recording), self.episodes(recording)):
            _unlink(*leftovers(part))
            with suppress(OSError):
                part.parent.rmdir()
        for path in (self.csv(recording), annotated, self.record(recording)):
            _unlink(*leftovers(path))

    def files(self, recording: str, annotated: Path) -> list[Path]:
        """Every file that an analysis of a recording may write: its tables, its annotated copy, its document."""
        tables = [self.timeline(recording), self.tracks(recording), self.episodes(recording), self.csv(recording)]
        return [*tables, annotated, self.record(recording)]

    def _file(self, kind: str, name: str) -> Path:
        return below(self.out / kind, name)


def below(folder: Path, name: str) -> Path:
    """A file below a folder for a name with ``/``; two names never share one, none leads out of the folder.

    Raises:
        InputError: when the name is not valid Unicode.
    """
    return folder.joinpath(*(_component(part) for part in name.split("/")))


def _component(name: str) -> str:
    """One name in a path; never empty, never a step upwards."""
    if name in ("", ".", ".."):
        return name.replace(".", "%2E") or "%"
    return _escaped(_NOT_IN_NAME, name)


def _escaped(refused: re.Pattern[str], text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{text!r}: the name is not valid Unicode; rename the file.") from error
    return refused.sub(lambda match: f"%{ord(match[0]):02X}", text)


def _unlink(*paths: Path) -> None:
    for path in paths:
        with explained(path):
            path.unlink(missing_ok=True)
