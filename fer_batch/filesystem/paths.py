"""Paths that a user gives: addresses, which are no files, suffixes of recordings, and links in output folders."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from fer_batch.errors import ANOTHER_FOLDER, InputError, OutputError

# One slash too, which is what pathlib makes of two; a single letter is a Windows drive.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):[/\\]{1,2}(.*)", re.IGNORECASE | re.DOTALL)


def refuse_address(path: str | Path) -> None:
    """Refuses ``rtsp://user:secret@camera/1`` and the like, without repeating user, password or query.

    Raises:
        InputError: when it is an address and no file has that name.
    """
    match = _ADDRESS.fullmatch(os.fspath(path))
    if match is None or os.path.lexists(path):
        return
    scheme, rest = match.groups()
    place, *query = re.split("[?#]", rest, maxsplit=1)
    # An @ that late may end a password with a question mark in it.
    shown = "..." if "@" in "".join(query) else place.rpartition("@")[2]
    raise InputError(f"{scheme}://{shown}: addresses of streams are not analysed; give a file.")


VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".264", ".265", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc"}
    | {".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".ts", ".vob"}
    | {".webm", ".wmv", ".y4m"}
)
PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


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
                    f"{folder}: is a link where a folder of results belongs, which is not followed; put "
                    f"{folder.readlink()} there by a bind mount instead.",
                    remedies=[ANOTHER_FOLDER],
                )
            folder = folder.parent
