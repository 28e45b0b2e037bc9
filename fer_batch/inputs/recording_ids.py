"""Ids of recordings: where a file lies below what was given, as text that is unique in a run and fits file names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.results.layout import LONGEST_NAME, partition
from fer_batch.utils.text import valid

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}$")
"""What is kept of a name that is shortened; no container's or photo's suffix is longer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file and its path below the input that named it."""

    path: Path
    """Absolute, links kept."""
    below: tuple[str, ...]
    """The parts of ``path`` after the input's folder; for a lone file its name."""


def distinct_ids(candidates: Iterable[Candidate]) -> dict[Path, str]:
    """An id for each file, whatever the order of the candidates; files in the order in which they are first named.

    The id is the path below the input, with ``/``. A file that several inputs name goes by the longest, and one that
    two inputs name by the same, through a link to its folder, is one. Files that would share an id get the names of
    their parent folders in front, as many as tell them apart.
    """
    parts: dict[Path, tuple[str, ...]] = {}
    for candidate in candidates:
        if len(candidate.below) > len(parts.get(candidate.path, ())):
            parts[candidate.path] = candidate.below
    _drop_repeats(parts)
    while doubled := _doubled(parts):
        longer = {path: _with_parent(path, parts[path]) for path in doubled}
        if all(longer[path] == parts[path] for path in doubled):
            break
        parts.update(longer)
    return _as_text({path: "/".join(below) for path, below in parts.items()})


def _doubled(parts: dict[Path, tuple[str, ...]]) -> list[Path]:
    counts = Counter(parts.values())
    return [path for path, below in parts.items() if counts[below] > 1]


def _drop_repeats(parts: dict[Path, tuple[str, ...]]) -> None:
    """Leaves one of what is the same file by the same name, by way of a linked folder: the one that is no link."""
    seen: dict[tuple[tuple[str, ...], Path], Path] = {}
    # Following links takes a while with thousands of files.
    for path in _doubled(parts):
        place = path.resolve()
        key = parts[path], place
        other = seen.setdefault(key, path)
        if other != path:
            shorter = min(path, other, key=lambda one: (one != place, one))
            del parts[other if shorter == path else path]
            seen[key] = shorter


def _with_parent(path: Path, below: tuple[str, ...]) -> tuple[str, ...]:
    """One more folder's name in front, or the drive's letter, as long as there is one."""
    names = (path.anchor.strip("\\/:"), *path.parts[1:])
    parents = [name for name in names[: -len(below)] if name]
    return (*parents[-1:], *below) if len(below) < len(names) else below


def marked(text: str, name: str) -> str:
    """As much of the beginning as there is room for, ``~`` with eight digits of a digest of ``name``, the suffix."""
    match = _SUFFIX.search(text)
    suffix = match[0] if match else ""
    mark = f"~{blake2s(os.fsencode(name), digest_size=4).hexdigest()}{suffix}"
    beginning = text.removesuffix(suffix)
    shortest, longest = 0, len(beginning)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        shortest, longest = (middle, longest) if _fits(beginning[:middle] + mark) else (shortest, middle - 1)
    return beginning[:shortest] + mark


def _as_text(names: dict[Path, str]) -> dict[Path, str]:
    """The names as ids: Unicode, short enough, still unique."""
    ids = {path: _fitting(valid(name), name) for path, name in names.items()}
    counts = Counter(ids.values())
    for path, name in names.items():
        # "caf%E9.mp4" may be one file's name and stand for another's that is no Unicode.
        if counts[ids[path]] > 1 and ids[path] != name:
            ids[path] = marked(valid(name), name)
    counts = Counter(ids.values())
    if doubled := [path for path in names if counts[ids[path]] > 1]:
        raise InputError(f"{doubled[0]}: has the same name in the results as {doubled[1]}; rename one of them.")
    return ids


def _fitting(text: str, name: str) -> str:
    """The text, or if the output folder's names have no room for it, its beginning with a digest of ``name``."""
    return text if _fits(text) else marked(text, name)


def _fits(text: str) -> bool:
    # With the whole path and the most characters escaped, this is the longest name that the output folder gets.
    return len(partition(text).encode()) <= LONGEST_NAME
