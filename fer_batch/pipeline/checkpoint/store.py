"""The work folder of a recording that is not finished: what was committed of it, from which another run goes on."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from fer_batch.errors import FerBatchError
from fer_batch.filesystem.atomic import explained, sync, whole
from fer_batch.filesystem.paths import is_link
from fer_batch.results.layout import Layout, partition
from fer_batch.utils.jsonable import from_text, to_text

FOLDER: Final = ".unfinished"
"""In the output folder; hidden, so that readers of data sets and searches for recordings pass it over."""

_DOCUMENT: Final = "commit.json"
_PART: Final = re.compile(r"[a-z]+-\d{5,}(\.[A-Za-z0-9]{1,16})?")
"""Names of states and parts."""
_ASIDE: Final = ".not-ours-"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that an analysis remembers, taken between two frames."""

    frame: int
    """Index of the first frame that has not come out yet: all before it have, none from it on."""
    state: bytes
    """For :meth:`fer_batch.pipeline.engine.Engine.observe` alone; other versions of fer-batch do not read it. As
    personal as the recording: it holds embeddings and tiny portraits of the faces, and the last frames
    in 64 by 36 gray cells."""


class Snapshots(Protocol):
    """Who wants snapshots."""

    def due(self) -> bool:
        """Whether one is begun now; asked once for each frame worked on, in the thread that reads."""
        ...

    def take(self, snapshot: Snapshot) -> None:
        """Is given one, in the consumer's thread, after the frame before it was consumed."""
        ...


class CannotResume(FerBatchError):  # noqa: N818 - it is no fault of anybody's: the recording is begun anew
    """The source does not give the frames among which the snapshot was taken, or another version took it."""


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
    """What the writers remember beside the parts."""


class CheckpointStore:
    """``OUT/.unfinished/<partition>/``, readable for its owner alone: it holds what the tracker remembers of faces.

    A commit is valid from the instant at which its document is in place, written after all that it names is safe on the
    disk. What the last document does not name does not count. One process at a time may work in it.

    Raises:
        OutputError: from all that writes, when the folder cannot be written; the last commit then stays valid.
    """

    def __init__(self, layout: Layout, recording: str) -> None:
        self.folder = layout.out / FOLDER / partition(recording)
        self._made = False
        self.aside: Path | None = None
        """Where what was there and is not ours was moved."""

    def last(self) -> Commit | None:
        """The last commit; None where there is none, not all of it, or where the folder is not one of ours."""
        if not self._is_own():
            return None
        try:
            commit = Commit(**from_text((self.folder / _DOCUMENT).read_text(encoding="utf-8")))
            named = {commit.state, *(name for names in commit.parts.values() for name in names)}
            # Nothing but files that are made here, whatever the document says.
            whole = named == set(commit.sizes) and all(_PART.fullmatch(name) for name in named)
            whole = whole and isinstance(commit.number, int) and isinstance(commit.frame, int)
            whole = whole and isinstance(commit.identity, dict) and isinstance(commit.sums, dict)
            whole = whole and all((self.folder / name).stat().st_size == size for name, size in commit.sizes.items())
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None
        return commit if whole else None

    def _is_own(self) -> bool:
        """Whether the folder is a real one, of this user, that holds nothing but plain files that are made here.

        An output folder may come from elsewhere: a link in it would lead to other people's files.
        """
        try:
            if any(is_link(one) or not stat.S_ISDIR(one.lstat().st_mode) for one in (self.folder.parent, self.folder)):
                return False
            owners = {self.folder.lstat().st_uid}
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    owners.add(status.st_uid)
                    plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
                    # Network drives and desktops add files with a dot in front.
                    named = entry.name == _DOCUMENT or entry.name.startswith(".") or _PART.fullmatch(entry.name)
                    if not plain or not named:
                        return False
            return owners <= {_user(self.folder)}
        except OSError:
            return False

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
        names = {_DOCUMENT, *keep}
        if not self._is_own():
            return
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.name not in names:
                    path.unlink()

    def remove(self) -> None:
        """Leaves nothing, if there was anything; what was not made here is moved aside as it is.

        Raises:
            OutputError: when the latter is not possible.
        """
        self._made = False
        if not os.path.lexists(self.folder):
            return
        if not self._is_own():
            if not is_link(self.folder.parent):
                aside = self.folder.with_name(f"{_ASIDE}{secrets.token_hex(8)}")
                with explained(self.folder):
                    self.folder.rename(aside)
                self.aside = aside
            return
        with suppress(OSError):
            # First, so that what is left is never half a commit.
            (self.folder / _DOCUMENT).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()

    def _make(self) -> None:
        if self._made:
            return
        if not self._is_own():
            self.remove()
        self._made = True
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


def _user(folder: Path) -> int:
    """Whose a file is that is made now: network drives show another owner than the process's user."""
    if os.name == "nt":
        return 0
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_uid
