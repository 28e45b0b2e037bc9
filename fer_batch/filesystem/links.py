"""Links in an output folder: neither written through nor removed through."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from fer_batch.errors import OutputError


def is_link(path: Path) -> bool:
    """Whether a name is a symbolic link, or a junction of Windows."""
    try:
        status = path.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(status.st_mode):
        return True
    # Not os.path.isjunction, which Python 3.11 lacks.
    return sys.platform == "win32" and status.st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def is_shared(path: Path) -> bool:
    """Whether writing into an existing file would change another one: it is a link, or has another name too."""
    return is_link(path) or (path.is_file() and path.stat().st_nlink > 1)


def refuse_shared(out: Path, file: Path) -> None:
    """Make sure that a file that is added to, if it lies in an output folder, is that folder's own.

    Raises:
        OutputError: when it leads to a file elsewhere; nothing has changed.
    """
    if not file.absolute().is_relative_to(out.absolute()):
        return
    refuse_links(out.absolute(), [file.absolute()])
    if is_shared(file):
        raise OutputError(f"{file}: leads to another file, which would be written to; remove it, or give another name.")


def refuse_links(out: Path, files: Iterable[Path]) -> None:
    """Make sure that no folder between an output folder and its files is a link; the output folder may be one.

    Args:
        out: the output folder.
        files: below it; they and their folders need not exist.

    Raises:
        OutputError: when a folder is a link; nothing has changed.
    """
    checked = {out}
    for file in files:
        folder = file.parent
        while folder not in checked and folder != folder.parent:
            checked.add(folder)
            if is_link(folder):
                raise OutputError(
                    f"{folder}: is a link where a folder of results belongs, which is not followed; choose another "
                    f"output folder with -o, or put {folder.readlink()} there by a mount (mount --bind) instead."
                )
            folder = folder.parent
