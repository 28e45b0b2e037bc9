"""Interface of frame sources, their seek points, and the limit on pixels that each of them keeps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from fer_batch.errors import FerBatchError, InputError, OptionHint, UnreadableMediaError, summarized
from fer_batch.types import Note
from fer_batch.video.frame import Frame
from fer_batch.video.probe import Probe


@dataclass(slots=True)
class ReadCounts:
    """What happened while reading, filled as frames are drawn."""

    frames: int = 0
    """Decoded so far."""
    damaged_packets: int = 0
    """Packets that could not be decoded or read, skipped."""
    damaged_frames: int = 0
    """Frames that the decoder itself marks as corrupt, kept."""
    repaired_times: int = 0
    """Frames whose presentation time was missing or ran backwards; they got the previous one plus a frame's length."""
    is_oversized: bool = False
    """Whether it ends early for the size of its pictures, of which another run may allow more."""
    ended_early: InputError | None = None
    """A sentence when the file stops before its own header says it should, or cannot be read on."""
    notes: list[Note] = field(default_factory=list)
    """What a user should know of how the recording was read, though it was read well."""

    def note(self, code: str, text: str) -> None:
        """Add a note, once."""
        if (added := Note(code, text)) not in self.notes:
            self.notes.append(added)

    @property
    def faults(self) -> tuple[int, int, int]:
        """Damaged packets, damaged frames, repaired times."""
        return self.damaged_packets, self.damaged_frames, self.repaired_times

    @faults.setter
    def faults(self, faults: tuple[int, int, int]) -> None:
        self.damaged_packets, self.damaged_frames, self.repaired_times = faults


class Source(Protocol):
    """A recording that is read front to back."""

    @property
    def name(self) -> str:
        """What messages call the recording: its path or its address without credentials."""
        ...

    @property
    def probe(self) -> Probe:
        """What the recording is."""
        ...

    @property
    def counts(self) -> ReadCounts:
        """What happened so far."""
        ...

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        """Every frame in presentation order. Asked again, it begins again; the iterator before must be closed.

        Args:
            start: one of ``places()``, of this recording but not of this object: the frames from there. There are none
                when the place is not found; whether they are the same ones is for the caller to see.

        Raises:
            InputError: when not a single frame can be decoded.
        """
        ...

    def places(self) -> Sequence[SeekPoint]:
        """The last ones that it can be read from to where it has been read now, in order; none for many a recording."""
        ...

    def close(self) -> None:
        """Releases the file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def readable(source: Source, frames: Iterator[Frame]) -> Generator[Frame]:
    """The frames up to the first that cannot be read, for whatever reason: then ``source.counts.ended_early`` says it.

    Args:
        source: of the frames.
        frames: from ``source.frames()``; closed with this iterator.

    Raises:
        InputError: when not a single frame can be read.
        MemoryError: as it comes; there may be more memory another time.
    """
    try:
        yield from frames
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, FerBatchError) and (not isinstance(error, InputError) or not source.counts.frames):
            raise
        if not source.counts.frames:
            raise UnreadableMediaError(
                source.name, f"not one frame can be read ({summarized(error)}); it may be damaged"
            ) from error
        if not isinstance(error, InputError):
            error = UnreadableMediaError(source.name, f"cannot be read on ({summarized(error)})")
        source.counts.ended_early = InputError(
            f"{error.problem.removesuffix('.')}; what was read before was analysed.", remedies=error.remedies
        )


@dataclass(frozen=True, slots=True)
class SeekPoint:
    """A key frame, and what had come of all before it."""

    frame: int
    """Its index."""
    pts: int
    """Its time in ticks, as the container gives it."""
    dts: int
    """When its packet is decoded, likewise: containers without an index are searched by that."""
    display_pts: int
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


def refuse_oversized(label: object, width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture that is larger than allowed.

    Args:
        label: the recording's name for the message.
        width: pixels, as stored or as displayed.
        height: likewise.
        max_pixels: the limit.

    Raises:
        InputError: when the picture has more pixels.
    """
    if width * height > max_pixels:
        raise oversized(label, max_pixels, f"its pictures of {width}x{height}")


def oversized(label: object, max_pixels: int, what: str = "its pictures") -> UnreadableMediaError:
    """Return the error about a recording whose pictures are too large."""
    return UnreadableMediaError(
        label,
        f"{what} have more than the {max_pixels / 1e6:.6g} million pixels that are allowed",
        remedies=[OptionHint("max_pixels", advice="allow more with {}, unless the file is damaged")],
    )
