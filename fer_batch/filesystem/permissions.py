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
        folder: an output folder; made if it is missing.
        wanted: False changes nothing: the user's own mask holds.
    """
    if not wanted or os.name == "nt":
        yield
        return
    before = os.umask(_NOT_FOR_OTHERS)
    try:
        # A folder that cannot be made is reported by what needs it.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        yield
    finally:
        os.umask(before)
