"""When a recording's outputs are committed, and what must be the same for another run to go on from there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fer_batch.annotation.encoder import encoder_version
from fer_batch.config import WITHOUT_EFFECT, Outputs, Selection, Settings
from fer_batch.pipeline.checkpoint.store import CheckpointStore, Commit, Snapshot
from fer_batch.results.record import RecordingRecord, installed_versions
from fer_batch.utils.jsonable import from_text, plain, to_text
from fer_batch.video.source import Source

COMMIT_S: Final = 20.0
"""Seconds of work that a killed run loses at most, but for those that a commit waits to come out of the stages: little
to do again, and long beside the tenth of a second that a commit takes."""

_LITTLE_S: Final = 5.0
"""Seconds of work for which nobody who interrupts a run waits until they are committed."""


class CheckpointPolicy:
    """Wants a snapshot every so many seconds, and has a commit made of it.

    Args:
        make: makes the commit.
        every_s: from the end of one commit, or the start, to the beginning of the next.
    """

    def __init__(self, make: Callable[[Snapshot], None], every_s: float) -> None:
        self._make, self._every_s = make, every_s
        self.failing = False
        """Whether a commit has failed: what it took out of the growing files is lost to them."""
        self._last_s = time.monotonic()
        self._due_s: float | None = self._last_s + every_s
        self._made = 0
        self._hurried: int | None = None

    def caught_up(self) -> bool:
        """Whether little would be lost now. If not, a snapshot is wanted as soon as that can be; asked again, this says
        whether its commit has been made.
        """
        if self._hurried is None:
            if time.monotonic() - self._last_s < _LITTLE_S:
                return True
            self._hurried = self._made
            if self._due_s is not None:
                self._due_s = 0.0
        return self._made > self._hurried

    def due(self) -> bool:
        """Whether a snapshot is to be begun; not while one is on its way."""
        if self._due_s is None or time.monotonic() < self._due_s:
            return False
        self._due_s = None
        return True

    def take(self, snapshot: Snapshot) -> None:
        """Makes the commit; errors as it has."""
        self.failing = True
        self._make(snapshot)
        self.failing = False
        self._made += 1
        self._last_s = time.monotonic()
        self._due_s = self._last_s + self._every_s


def input_of(path: Path) -> dict[str, int]:
    """What a recording's file is by the looks of it: bytes, and when it was last changed; empty if it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return {}
    return {"size_bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}


def identity_of(path: Path, settings: Settings, selection: Selection, outputs: Outputs, sha256: str) -> dict[str, Any]:
    """What two runs must have in common for one to go on where the other has stopped."""
    deciding = {name: value for name, value in settings.to_dict().items() if name not in WITHOUT_EFFECT}
    identity = {
        "input": input_of(path),
        "settings": deciding,
        "selection": selection.to_dict(),
        "outputs": _output_settings(outputs),
        "model": sha256,
        # Parts of one video must come from one encoder.
        "versions": {**installed_versions(), "encoder": encoder_version()},
    }
    document: dict[str, Any] = from_text(to_text(plain(identity)))
    return document


def about(record: RecordingRecord, outputs: Outputs, source: Source) -> dict[str, Any]:
    """What publishing a commit needs to know without opening the recording."""
    counts = source.counts
    counted = {
        "frames_decoded": counts.frames,
        "damaged_packets": counts.damaged_packets,
        "damaged_frames": counts.damaged_frames,
        "repaired_times": counts.repaired_times,
    }
    return {"record": plain(asdict(record)), "outputs": _output_settings(outputs), "counts": counted}


def usable(checkpoints: CheckpointStore, identity: dict[str, Any]) -> Commit | None:
    """The last commit, if a run of this identity can go on from it."""
    commit = checkpoints.last()
    return commit if commit is not None and commit.identity == identity and identity["input"] else None


def _output_settings(outputs: Outputs) -> dict[str, Any]:
    return {"timeline": outputs.timeline, "video": outputs.video}
