"""Addresses of streams, which are no files and may hold a password that must not be printed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fer_batch.errors import InputError

# One slash too, which is what pathlib makes of two; a single letter is a Windows drive.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):[/\\]{1,2}(.*)", re.IGNORECASE | re.DOTALL)


def refuse_address(given: str | Path) -> None:
    """Refuses ``rtsp://user:secret@camera/1`` and the like, without repeating user, password or query.

    Raises:
        InputError: when it is an address and no file has that name.
    """
    found = _ADDRESS.fullmatch(os.fspath(given))
    if found is None or os.path.lexists(given):
        return
    scheme, rest = found.groups()
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
