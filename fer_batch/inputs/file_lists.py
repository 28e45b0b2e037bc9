"""Lists of inputs: paths on standard input or in a file, one a line, or parted by NUL as ``find -print0`` does."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fer_batch.errors import InputError

STANDARD_INPUT = "-"
"""As an input or the name of a list; a file of this name is ``./-``."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An input out of a list; a path as far as Python is concerned."""

    path: str
    """A file, folder or pattern as the list has it; relative to the current folder, wherever the list lies."""
    place: str
    """For sentences about it: "list.txt, line 3"."""

    def __fspath__(self) -> str:
        return self.path


def with_lists(
    inputs: Iterable[str | os.PathLike[str]], lists: Iterable[str | Path] = (), stdin: BinaryIO | None = None
) -> list[str | os.PathLike[str]]:
    """The inputs, with ``-`` replaced by what standard input names, and after them what the lists name.

    Args:
        inputs: files, folders, patterns and ``-``.
        lists: files that :func:`read_list` reads; ``-`` is standard input here too.
        stdin: in place of the process's own.

    Raises:
        InputError: when a list cannot be read or names nothing.
    """
    entries: list[str | os.PathLike[str]] = []
    inputs, lists = list(inputs), [os.fspath(path) for path in lists]
    if inputs.count(STANDARD_INPUT) + lists.count(STANDARD_INPUT) > 1:
        raise InputError("Standard input is given as a list more than once; give - once.")
    for name in inputs:
        entries += read_list(STANDARD_INPUT, stdin) if name == STANDARD_INPUT else [name]
    for path in lists:
        entries += read_list(path, stdin)
    return entries


def read_list(path: str | Path, stdin: BinaryIO | None = None) -> list[Listed]:
    """The inputs that a list names.

    UTF-8, with or without a byte order mark, or UTF-16 with one, as Windows writes it. Lines that are blank or start
    with ``#`` name nothing. In a list with NUL every text between two of them is a path. What is no UTF-8 stands for
    the very bytes, as on the command line.

    Raises:
        InputError: when the list cannot be read or names nothing.
    """
    standard = os.fspath(path) == STANDARD_INPUT
    name = "standard input" if standard else os.fspath(path)
    try:
        data = (stdin or sys.stdin.buffer).read() if standard else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: the list cannot be read ({error.strerror}); check the path.") from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16") if wide else data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: the list is neither UTF-8 nor whole UTF-16; save it as UTF-8.") from error
    if "\0" in text:
        unit, entries = "entry", text.split("\0")
    else:
        unit, entries = "line", ["" if line.startswith("#") else line for line in _lines(text)]
    listed = [Listed(entry, f"{name}, {unit} {number}") for number, entry in enumerate(entries, 1) if entry.strip()]
    if not listed:
        raise InputError(f"{name}: the list names nothing; give one path a line.")
    return listed


def _lines(text: str) -> list[str]:
    """Not ``splitlines``: a name may hold any of the breaks of lines that Unicode knows."""
    return [line.removesuffix("\r") for line in text.split("\n")]
