"""What an analysis remembers between two frames, so that it can go on from there in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fer_batch.errors import FerBatchError


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
