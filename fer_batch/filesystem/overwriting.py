"""Files that a user names for results: never a recording, and nothing that fer-batch did not write."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from fer_batch.errors import OptionHint, OutputError

FileKey = tuple[int, int]
"""Device and inode, which are the same for every spelling and link of a file."""

_HEAD_BYTES = 65_536
_MARKS = (
    b'name="generator" content="fer-batch ',
    b"Creator\0fer-batch ",
    b"<dc:title>fer-batch ",
    b"/Creator (fer-batch ",
)
"""Of pages, PNG, SVG and PDF."""
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* fer-batch \d")


def file_key(path: Path) -> FileKey | None:
    """What identifies a regular file, links followed; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def refuse_overwriting(
    path: Path,
    option: str,
    is_own: Callable[[Path], bool],
    inputs: Iterable[Path] = (),
    *,
    appends: bool = False,
) -> None:
    """Make sure that a file may be written: that it is no input, and new or fer-batch's own.

    What is no regular file, such as ``/dev/stdout`` or a pipe, may always be written.

    Args:
        path: the file.
        option: name of the option that names it, for the message.
        is_own: tells whether an existing file was written by fer-batch.
        inputs: recordings, and files and folders that the user named.
        appends: whether text is added to the file, which may then be any text that does not lie in an input folder.

    Raises:
        OutputError: when it may not be written.
    """
    key = file_key(path)
    if key is None:
        return
    inputs = list(inputs)
    another = [OptionHint(option, advice="give another file with {}")]
    moved = [OptionHint(option, advice="move it or give another name with {}")]
    if key in {file_key(one) for one in inputs}:
        raise OutputError(f"{path}: is an input, which is never written to.", remedies=another)
    if is_own(path):
        return
    resolved = path.resolve()
    if any(one.is_dir() and resolved.is_relative_to(one.resolve()) for one in inputs):
        raise OutputError(f"{path}: is in a folder of inputs and was not written by fer-batch.", remedies=another)
    if not appends:
        raise OutputError(f"{path}: exists and was not written by fer-batch.", remedies=moved)
    if not _is_text(path):
        raise OutputError(f"{path}: is not a text file that could be appended to.", remedies=moved)


def has_head(path: Path, *heads: bytes) -> bool:
    """Whether a file begins with one of these bytes, or is empty."""
    head = _head(path)
    return not head or head.startswith(heads)


def is_log(path: Path) -> bool:
    """Whether a file's first line is one of a log file."""
    head = _head(path)
    return not head or _LOG_LINE.match(head.decode(errors="replace")) is not None


def names_us(path: Path) -> bool:
    """Whether a figure's or page's metadata name fer-batch as what made it."""
    head = _head(path)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD_BYTES))
        ends = head + file.read(_HEAD_BYTES)
    return not head or any(mark in ends for mark in _MARKS)


def _is_text(path: Path) -> bool:
    try:
        # The last character may be cut.
        return "\0" not in _head(path)[:-3].decode()
    except UnicodeDecodeError:
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)
