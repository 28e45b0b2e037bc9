"""The files of a live recording: numbered parts, each whole on its own, that are deleted when they are old."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fer_batch.filesystem.atomic import explained, leftovers
from fer_batch.results.layout import Layout

_PART = re.compile(r"part-(\d{8})\.(parquet|csv|mp4|json)")


@dataclass(frozen=True, slots=True)
class PartFiles:
    """Where the parts of a recording lie; makes nothing.

    Numbers have eight digits, so that names are in the order of time for longer than any camera lives.
    """

    layout: Layout
    recording: str

    def timeline(self, number: int) -> Path:
        """Rows of the timeline."""
        return self.layout.timeline(self.recording).with_name(f"part-{number:08d}.parquet")

    def tracks(self, number: int) -> Path:
        """Tracks that have ended."""
        return self.layout.tracks(self.recording).with_name(f"part-{number:08d}.parquet")

    def episodes(self, number: int) -> Path:
        """Episodes that have ended."""
        return self.layout.episodes(self.recording).with_name(f"part-{number:08d}.parquet")

    def csv(self, number: int) -> Path:
        """Rows of the timeline as CSV."""
        return self._folder("csv") / f"part-{number:08d}.csv"

    def video(self, number: int) -> Path:
        """Annotated video; what it shows of the recording is in the JSON file of the same name."""
        return self._folder("annotated") / f"part-{number:08d}.mp4"

    def all_kinds(self) -> tuple[Path, ...]:
        """One path of each kind of part."""
        return (self.timeline(0), self.tracks(0), self.episodes(0), self.csv(0), self.video(0))

    def of_timeline(self, first: int = 0) -> list[Path]:
        """The timeline's parts there are, from a number on, in order."""
        return self._parts(self.timeline(0).parent, first)

    def of_tracks(self) -> list[Path]:
        """The parts of the tracks table there are."""
        return self._parts(self.tracks(0).parent, 0)

    def of_episodes(self) -> list[Path]:
        """The parts of the episodes table there are."""
        return self._parts(self.episodes(0).parent, 0)

    def next_number(self) -> int:
        """One above all there are."""
        return 1 + max((_number(path) for folder in self._folders() for path in self._parts(folder, 0)), default=-1)

    def remove_older(self, age_s: float) -> None:
        """Removes the parts that were closed longer ago.

        Raises:
            OutputError: when one cannot be removed.
        """
        limit = time.time() - age_s
        for path in self._all():
            with explained(path), suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    def forget_half(self, first: int) -> None:
        """Removes the CSV files, from a number on, whose rows are not in the timeline: a kill came between the two.

        Raises:
            OutputError: when one cannot be removed.
        """
        for path in self._parts(self.csv(0).parent, first):
            if not self.timeline(_number(path)).exists():
                with explained(path):
                    path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Removes what a killed process has left half-written.

        Raises:
            OutputError: when something cannot be removed.
        """
        for folder in self._folders():
            if folder.is_dir():
                for path in folder.glob(".*-*.tmp.*"):
                    with explained(path):
                        path.unlink(missing_ok=True)
        for path in leftovers(self.layout.record(self.recording)):
            with explained(path):
                path.unlink(missing_ok=True)

    def _folder(self, kind: str) -> Path:
        # As a recording's own files are named, without a suffix.
        document = self.layout.record(self.recording)
        return self.layout.out / kind / document.relative_to(self.layout.out / "recordings").with_suffix("")

    def _folders(self) -> tuple[Path, ...]:
        return tuple(part.parent for part in self.all_kinds())

    def _all(self) -> Iterator[Path]:
        for folder in self._folders():
            yield from self._parts(folder, 0)

    @staticmethod
    def _parts(folder: Path, first: int) -> list[Path]:
        if not folder.is_dir():
            return []
        parts = (path for path in folder.iterdir() if _PART.fullmatch(path.name))
        return sorted(path for path in parts if _number(path) >= first)


def _number(path: Path) -> int:
    match = _PART.fullmatch(path.name)
    assert match is not None
    return int(match[1])
