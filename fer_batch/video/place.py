"""A place in a file from which it can be read on as if it had been read up to there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A key frame, and what had come of all before it."""

    frame: int
    """Its index."""
    pts: int
    """Its time in ticks, as the container gives it."""
    dts: int
    """When its packet is decoded, likewise: containers without an index are searched by that."""
    shown: int
    """Its time as it was told by other pictures' packets, where the container knows only when they are decoded."""
    position: int
    """Of its packet, in bytes from the file's start: times may be told twice, this is not."""
    read_to: int
    """How far the file had been read, in bytes."""
    clock: tuple[int | None, float | None, float | None, int]
    """See :class:`fer_batch.video.timestamps.PresentationClock`."""
    faults: tuple[int, int, int]
    """See :class:`fer_batch.video.source.ReadCounts`."""

    @property
    def counted(self) -> tuple[int, int, tuple[int, int, int]]:
        """Frames, bytes and faults before it."""
        return self.frame, self.read_to, self.faults
