"""Reading a recording on from a frame in its middle, once it is certain that it is the very same frame."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from threading import Event

from fer_batch.pipeline.checkpoint.store import CannotResume
from fer_batch.video.frame import Frame
from fer_batch.video.source import SeekPoint, Source

_REFERENCES = 16
"""Frames before the first needed one that are decoded at least: H.264 and H.265 build a frame from 16 before it at
most, so that in what follows nothing comes from before the place at which decoding began."""
_ATTEMPTS = 3
"""Places that are tried, each of which takes as long as decoding from there."""


@dataclass(frozen=True, slots=True)
class FrameFingerprint:
    """A frame by which the place behind it is found again."""

    frame: int
    """Its index."""
    time_s: float
    digest: bytes
    """Of its luma as displayed."""
    places: tuple[SeekPoint, ...]
    """From which it can be reached, by index."""


def mark(frame: Frame, source: Source) -> FrameFingerprint:
    """The mark of a frame that the source has given a moment ago."""
    return FrameFingerprint(frame.index, frame.time_s, _digest(frame), tuple(source.places()))


def rewound(
    source: Source, mark: FrameFingerprint, first: int, stop: Event | None
) -> tuple[list[Frame], Generator[Frame]] | None:
    """The frames from ``first`` to the mark, and those behind it, as one gets them who reads from the beginning.

    Tried from the last few places first, at last from the beginning.

    Args:
        source: of which nothing has been read.
        mark: of the same recording.
        first: index, up to the mark's; the mark's own frame is always given.
        stop: once set, None is returned.

    Raises:
        CannotResume: when the mark's frame is not where it was.
        InputError: when the recording cannot be read.
    """
    near = [place for place in mark.places if place.frame <= first - _REFERENCES]
    for place in [*near[: -_ATTEMPTS - 1 : -1], None]:
        frames = source.frames(place)
        earlier = _up_to(frames, mark, first, stop)
        if stop is not None and stop.is_set():
            frames.close()
            return None
        # A fault that a decoder tells of later than it did before would be counted twice, or not at all.
        if earlier is not None and (place is None or source.counts.faults == place.faults):
            return earlier, frames
        frames.close()
    raise CannotResume(f"Frame {mark.frame} of the recording is not what it was; the file has changed.")


def _up_to(frames: Iterator[Frame], mark: FrameFingerprint, first: int, stop: Event | None) -> list[Frame] | None:
    """The frames from ``first`` to the mark; None if that is not reached, or not the frame that it was."""
    waiting: list[Frame] = []
    for frame in frames:
        if stop is not None and stop.is_set():
            return None
        if frame.index >= min(first, mark.frame):
            waiting.append(frame)
        if frame.index == mark.frame:
            return waiting if frame.time_s == mark.time_s and _digest(frame) == mark.digest else None
    return None


def _digest(frame: Frame) -> bytes:
    luma = frame.luma()
    digest = blake2b(repr(luma.shape).encode(), digest_size=16)
    for row in luma:
        digest.update(row)
    return digest.digest()
