"""The work folder of a recording that is not finished: what was committed of it, from which another run goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fer_batch.atomic import explained, sync, whole
from fer_batch.remembered import from_text, to_text
from fer_batch.snapshot import Snapshot
from fer_batch.timeline.layout import Layout, partition

FOLDER: Final = ".unfinished"
"""In the output folder; hidden, so that readers of data sets and searches for recordings pass it over."""

_DOCUMENT: Final = "commit.json"


@dataclass(frozen=True, slots=True)
class Commit:
    """What a recording's outputs were at one instant, between two frames."""

    number: int
    """From 1."""
    identity: dict[str, Any]
    """What must be the same for going on: the input, how it is analysed and what is wanted of it."""
    frame: int
    """Of the snapshot."""
    state: str
    """The file with the snapshot's state."""
    parts: dict[str, list[str]]
    """Files of each growing output, in their order."""
    sizes: dict[str, int]
    """Bytes of every file named."""
    sums: dict[str, Any]
    """What the sinks remember beside the parts."""


class Unfinished:
    """``OUT/.unfinished/<partition>/``, readable for its owner alone: it holds what the tracker remembers of faces.

    A commit is valid from the instant at which its document is in place, written after all that it names is safe on the
    disk. What the last document does not name does not count. One process at a time may work in it.

    Raises:
        OutputError: from all that writes, when the folder cannot be written; the last commit then stays valid.
    """

    def __init__(self, layout: Layout, recording: str) -> None:
        self.folder = layout.out / FOLDER / partition(recording)

    def last(self) -> Commit | None:
        """The last commit; None where there is none, or not all of it."""
        try:
            commit = Commit(**from_text((self.folder / _DOCUMENT).read_text(encoding="utf-8")))
            named = {commit.state, *(name for names in commit.parts.values() for name in names)}
            # Nothing but files of this folder, whatever the document says.
            whole = named == set(commit.sizes) and all(Path(name).name == name for name in named)
            whole = whole and all((self.folder / name).stat().st_size == size for name, size in commit.sizes.items())
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        return commit if whole else None

    def snapshot(self, commit: Commit) -> Snapshot:
        """The one that was committed.

        Raises:
            OSError: when it cannot be read.
        """
        return Snapshot(commit.frame, (self.folder / commit.state).read_bytes())

    def parts(self, commit: Commit, kind: str) -> list[Path]:
        """Where the parts of an output lie."""
        return [self.folder / name for name in commit.parts.get(kind, ())]

    def adopt(self, file: Path, kind: str, number: int) -> Path:
        """Moves a finished part here, and makes it safe; where it lies now. It counts from the next commit on."""
        target = self.folder / f"{kind}-{number:05d}{file.suffix}"
        with explained(target):
            self._make()
            # Outputs may be on another disk, behind a link.
            shutil.move(file, target)
            sync(target)
        return target

    def commit(
        self,
        number: int,
        snapshot: Snapshot,
        identity: dict[str, Any],
        parts: dict[str, list[Path]],
        sums: dict[str, Any],
    ) -> None:
        """Makes a commit of parts that were adopted; what only the one before it named is removed."""
        state = self.folder / f"state-{number:05d}.bin"
        with explained(state):
            self._make()
            state.write_bytes(snapshot.state)
            sync(state)
            names = {kind: [path.name for path in paths] for kind, paths in parts.items()}
            sizes = {
                path.name: path.stat().st_size for path in (state, *(one for all_ in parts.values() for one in all_))
            }
            sync(self.folder)
        commit = Commit(number, identity, snapshot.frame, state.name, names, sizes, sums)
        with whole(self.folder / _DOCUMENT) as temporary, explained(self.folder / _DOCUMENT):
            temporary.write_text(to_text(asdict(commit)), encoding="utf-8")
        self.clean(sizes)

    def clean(self, keep: Iterable[str] = ()) -> None:
        """Removes all but the document and the files of these names."""
        kept = {_DOCUMENT, *keep}
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.name not in kept:
                    path.unlink()

    def remove(self) -> None:
        """Leaves nothing, if there was anything."""
        if not self.folder.exists():
            return
        with suppress(OSError):
            # First, so that what is left is never half a commit.
            (self.folder / _DOCUMENT).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()

    def _make(self) -> None:
        if self.folder.is_dir():
            return
        self.folder.parent.parent.mkdir(parents=True, exist_ok=True)
        # Another process that finishes its recording may remove the folder of all in between.
        for _ in range(3):
            with suppress(FileNotFoundError):
                self.folder.parent.mkdir(mode=0o700, exist_ok=True)
                self.folder.mkdir(mode=0o700, exist_ok=True)
                return
        self.folder.mkdir(mode=0o700)
