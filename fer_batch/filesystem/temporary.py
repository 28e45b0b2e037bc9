"""Temporary folders that are gone in the end, also when a process is killed: then a later one removes them."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from fer_batch.errors import OutputError
from fer_batch.filesystem.lock import is_held, only_run

_PREFIX: Final = "fer-batch-"
_MARK: Final = ".fer-batch-temporary"
"""File by which a temporary folder is told from an output folder of such a name."""


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A fresh folder for temporary files, 0700, removed at the end of the block.

    Folders that killed processes have left are removed first.

    Args:
        purpose: a word for its name.

    Raises:
        OutputError: when it cannot be made.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-"))
    try:
        # The lock ends with the process, however that ends.
        with only_run(folder):
            (folder / _MARK).write_text(socket.gethostname(), encoding="utf-8")
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the temporary folders of processes that were killed; never one that is in use."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Another process may be at the same.
        with suppress(OSError, OutputError):
            if _is_abandoned(folder):
                _remove(folder)


def _is_abandoned(folder: Path) -> bool:
    status = folder.lstat()
    # In a folder that all users share, anybody can give any name to what is theirs.
    if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
        return False
    mark = folder / _MARK
    if not mark.is_file():
        # The page's folders of earlier versions had a lock alone.
        return folder.name.startswith(f"{_PREFIX}app-") and (folder / ".lock").is_file() and not is_held(folder)
    # The mark comes after the lock. Nodes of a cluster may share the folder, but not the locks.
    return mark.read_text(encoding="utf-8") == socket.gethostname() and not is_held(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, its mark last: what is left by a kill is found again."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _MARK:
            path.unlink()
    (folder / _MARK).unlink(missing_ok=True)
    folder.rmdir()
