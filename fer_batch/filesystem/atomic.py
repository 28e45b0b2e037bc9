"""Atomic files: written beside their place under a hidden name, then renamed; readable by whom the user wants."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2s
from pathlib import Path
from types import TracebackType
from typing import Self

from fer_batch.errors import OutputError

_REMEDIES = {
    errno.ENOSPC: "free some space or choose an output folder on another disk",
    errno.EDQUOT: "free some space or choose an output folder on another disk",
    errno.ENAMETOOLONG: "give the recording a shorter name or analyze it from a folder nearer to it",
    errno.ENOTDIR: "a file stands where a folder is needed, move it or choose another output folder",
    errno.EEXIST: "a file stands where a folder is needed, move it or choose another output folder",
    errno.EISDIR: "a folder stands where the file belongs, move it or choose another output folder",
}
_REMEDY = "choose an output folder that you may write to"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` of writing ``path`` into an :class:`OutputError` that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _REMEDY)
        # Not error.strerror: pyarrow puts more than the system's own words there.
        reason = os.strerror(error.errno) if error.errno else error
        raise OutputError(f"{path}: cannot be written ({reason}); {remedy}.") from error


class PendingFile:
    """A file on its way: write to ``temporary``, then :meth:`publish` it or :meth:`discard` it.

    The temporary name starts with a dot, which pyarrow, pandas, DuckDB and Spark pass over in a folder of parts, and
    keeps the suffix, by which encoders choose their format. Creating it makes the folders that are missing.

    Raises:
        OutputError: when a folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A digest for the name: the two together could be longer than a file system allows.
        self.temporary = path.with_name(f"{_prefix(path)}{secrets.token_hex(4)}.tmp{path.suffix}")
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)

    def publish(self) -> None:
        """Makes the closed temporary file the file at ``path``, replacing an earlier one, also after a power cut.

        Raises:
            OutputError: when that fails; the temporary file is then gone.
        """
        try:
            with explained(self.path):
                sync(self.temporary)
                self.temporary.replace(self.path)
                sync(self.path.parent)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Removes the temporary file, and the folder if it is a partition left without a part."""
        remove(self.temporary)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields the temporary path to write; ``path`` appears when the block ends well and stays as it was otherwise.

    Raises:
        OutputError: when the folder cannot be made or the file not be put in its place.
    """
    pending = PendingFile(path)
    try:
        yield pending.temporary
        pending.publish()
    except BaseException:
        pending.discard()
        raise


@contextmanager
def out_of_sight(path: Path) -> Iterator[None]:
    """Hides a file, if there is one, while the block runs; a block left by an exception puts it back, else it is gone.

    Raises:
        OutputError: when the file cannot be moved.
    """
    hidden = PendingFile(path)
    with explained(path), suppress(FileNotFoundError):
        path.replace(hidden.temporary)
    try:
        yield
    except BaseException:
        with suppress(FileNotFoundError):
            hidden.temporary.replace(path)
        raise
    hidden.discard()


class Rollback:
    """A context manager that puts files back as they were when its block is left by an exception.

    What is at :meth:`protect`-ed paths is linked under a hidden name beside it, so readers keep seeing it.
    """

    def __init__(self) -> None:
        self._former: dict[Path, Path | None] = {}

    def protect(self, paths: Iterable[Path]) -> None:
        """Remember what is at these paths now, nothing included.

        Raises:
            OutputError: when a file can neither be linked nor copied.
        """
        for path in paths:
            # Of another name than those that a later run removes before it has succeeded.
            hidden = path.with_name(f"former-{path.name}")
            for stale in leftovers(hidden):
                remove(stale)
            self._former[path] = None
            if path.is_file():
                former = PendingFile(hidden).temporary
                with explained(path):
                    try:
                        os.link(path, former)
                    except OSError:  # as on file systems without links
                        shutil.copyfile(path, former)
                self._former[path] = former

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path, former in self._former.items():
            if former is None:
                if kind is not None:
                    remove(path)
                continue
            if kind is not None:
                with suppress(OSError):
                    former.replace(path)
            # Still there when both names are links to one file.
            remove(former)
        self._former.clear()


def remove(path: Path) -> None:
    """Remove a file, if it is there, and the folder if it is a partition left without a part."""
    with suppress(OSError):
        path.unlink()
    # Only a partition belongs to one recording; another worker may just have made sure that a shared folder exists.
    if path.parent.name.startswith("recording="):
        with suppress(OSError):
            path.parent.rmdir()


def leftovers(path: Path) -> list[Path]:
    """Temporary files of ``path`` that a killed process left behind."""
    return sorted(path.parent.glob(f"{_prefix(path)}*"))


def _prefix(path: Path) -> str:
    return f".{blake2s(os.fsencode(path.name), digest_size=6).hexdigest()}-"


def sync(path: Path) -> None:
    """Makes a file's content, or the names in a folder, last; Windows cannot open folders and does not need it.

    Raises:
        OSError: when a file cannot be made to last.
    """
    if not path.is_dir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems refuse this; the file itself is safe by then.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


_NOT_FOR_OTHERS = 0o077


@contextmanager
def private_files(folder: Path, *, wanted: bool = True) -> Iterator[None]:
    """Make new files 0600 and new folders 0700 while the block runs, and the folder 0700; nothing on Windows.

    The mask is the whole process's; processes started in the block inherit it.

    Args:
        folder: an output folder, which need not exist.
        wanted: False changes nothing: the user's own mask holds.
    """
    if not wanted or os.name == "nt":
        yield
        return
    before = os.umask(_NOT_FOR_OTHERS)
    try:
        # One that is not there yet is made with this mask.
        with suppress(OSError):
            folder.chmod(0o700)
        yield
    finally:
        os.umask(before)
