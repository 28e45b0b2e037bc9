"""The server's folder for what visitors give and get: gone at its end, and after a crash when the next one starts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_batch.batch.lock import is_held, only_run

_PREFIX = "fer-batch-app-"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder in the system's folder for temporary files, which nobody else may read.

    Those of servers that have died are removed first. A lock that ends with the process tells them from those in use.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_left(left):
                shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with only_run(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    known = folder.lstat()
    # In a folder that all users share, anybody can give any name to what is theirs.
    if not stat.S_ISDIR(known.st_mode) or (hasattr(os, "getuid") and known.st_uid != os.getuid()):
        return False
    return (folder / ".lock").is_file() and not is_held(folder)
