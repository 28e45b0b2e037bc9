"""Who may read results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
