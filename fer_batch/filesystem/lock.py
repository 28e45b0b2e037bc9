"""One run at a time in an output folder."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from fer_batch.errors import ANOTHER_FOLDER, OutputError
from fer_batch.filesystem.atomic import explained
from fer_batch.filesystem.paths import is_link

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NAME = ".lock"
_PATIENCE_S = 3.0
"""How long a lock is waited for: the worker processes of a run that was killed notice it within moments."""
_LOOK_AGAIN_S = 0.05


@contextmanager
def only_run(folder: Path) -> Iterator[int]:
    """Makes sure that no other run writes to the output folder while the block runs; makes the folder.

    The lock is the system's own, so it ends with the process that holds it, however that ends. Processes that are
    given the descriptor hold it too.

    Yields:
        The descriptor, for the worker processes to inherit.

    Raises:
        OutputError: when another run is at work there, or the folder cannot be written.
    """
    path, is_new = folder / _NAME, not folder.exists()
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
    until_s = time.monotonic() + _PATIENCE_S
    while (file := _locked(path)) is None:
        if time.monotonic() > until_s:
            raise OutputError(
                f"{folder}: another run is writing there{_owner(path)}; wait for its end.", remedies=[ANOTHER_FOLDER]
            )
        time.sleep(_LOOK_AGAIN_S)
    with file:
        with explained(path):
            file.truncate()
            file.write(json.dumps({"process": os.getpid(), "since": datetime.now().astimezone().isoformat()}).encode())
            file.flush()
        try:
            yield file.fileno()
        finally:
            with suppress(OSError):
                path.unlink()
                if is_new:
                    # Only if nothing came of it.
                    folder.rmdir()


def is_held(folder: Path) -> bool:
    """Whether a run is at work in the folder, which exists; True where the file system knows no locks.

    Raises:
        OutputError: when that cannot be found out.
    """
    file = _locked(folder / _NAME, without_locks=False)
    if file is not None:
        file.close()
    return file is None


def _locked(path: Path, *, without_locks: bool = True) -> IO[bytes] | None:
    """The lock file, held; None while another run holds it.

    Args:
        path: of the file.
        without_locks: whether it counts as held where the file system knows no locks.
    """
    with explained(path):
        if _leads_elsewhere(path):
            raise OutputError(
                f"{path}: leads to another file, which a run would write to; remove it.", remedies=[ANOTHER_FOLDER]
            )
        # Not "w": what it says about the run that holds it must stay.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, 0o666), "rb+")
    try:
        if sys.platform == "win32":
            # A byte far behind the text, which others may then read.
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The run that held it may have removed the file in between.
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except (BlockingIOError, PermissionError, FileNotFoundError):
        pass
    except OSError:
        # Some network file systems know no locks: there it is the user who takes care.
        if without_locks:
            return file
    file.close()
    return None


def _leads_elsewhere(path: Path) -> bool:
    """Whether there is something else than a lock of ours; a run that ends removes it at any time."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return is_link(path) or not stat.S_ISREG(status.st_mode) or status.st_nlink > 1


def _owner(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        since = datetime.fromisoformat(holder["since"])
        return f" (process {int(holder['process'])}, since {since:%Y-%m-%d %H:%M})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
