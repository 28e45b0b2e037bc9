"""Which frames of a recording go on to be analysed, each with the shot that it belongs to."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from threading import Event

from fer_batch.config import Selection
from fer_batch.pipeline.checkpoint.resume import mark
from fer_batch.pipeline.checkpoint.state import pack
from fer_batch.pipeline.checkpoint.store import Snapshots
from fer_batch.types import Faces
from fer_batch.video.frame import Frame
from fer_batch.video.shot_detector import ShotState, shots
from fer_batch.video.source import Source, readable

_ROUNDING_S = 0.001
"""How coarse a container's times may be."""


@dataclass(frozen=True, slots=True)
class SelectedFrame:
    """A frame inside the range that is worked on."""

    frame: Frame
    analysed: bool
    """Whether its faces are looked for; else it is only passed on."""
    shot: int
    """From 0; higher after every hard cut, those between frames that are not analysed too."""
    reading: bytes | None = None
    """What reading remembers after this frame, where a snapshot is begun."""
    first_pass: Faces | None = None
    """What was found in its small picture, if it was looked at ahead of its turn."""


@dataclass(frozen=True, slots=True)
class ResumeState:
    """Where a recording is read on."""

    frames: Iterator[Frame]
    """Those that come next."""
    previous: Frame
    """The one before them."""
    before: ShotState
    """What was shown up to that one."""


def selected_frames(
    source: Source,
    selection: Selection,
    every_frame: bool,
    stop: Event | None,
    snapshots: Snapshots | None = None,
    going_on: ResumeState | None = None,
) -> Generator[SelectedFrame]:
    """The frames inside the selection's range, in order.

    Args:
        source: read to its end, or to the selection's.
        selection: which frames are analysed.
        every_frame: also those that are not analysed.
        stop: once set, no further frame is begun.
        snapshots: asked with each frame whether one is begun.
        going_on: if it is not read from its beginning.

    Raises:
        InputError: when nothing can be decoded.
    """
    previous: Frame | None = None
    drawn: Iterator[Frame]
    if going_on is None:
        drawn, before = source.frames(), ShotState()
    else:
        drawn, previous, before = going_on.frames, going_on.previous, going_on.before
    with closing(shots(readable(source, drawn), before)) as frames:
        for frame, shot in frames:
            if stop is not None and stop.is_set():
                return
            if selection.end_s is not None and frame.time_s >= selection.end_s:
                return
            if frame.time_s >= selection.start_s:
                analysed = is_selected(selection, frame, previous)
                if analysed or every_frame:
                    due = snapshots is not None and snapshots.due()
                    # Frames that were drawn to look ahead are drawn again.
                    yield SelectedFrame(frame, analysed, shot, pack((mark(frame, source), before)) if due else None)
            previous = frame


def is_selected(selection: Selection, frame: Frame, previous: Frame | None) -> bool:
    """Whether a frame inside the range is analysed by ``every`` or ``fps``.

    Args:
        selection: which frames are wanted.
        frame: a frame inside the range.
        previous: the decoded frame before it, None at the recording's start.
    """
    if selection.fps is not None:
        first = previous is None or previous.time_s < selection.start_s
        return first or previous is None or _interval(selection, frame) != _interval(selection, previous)
    return frame.index % selection.every == 0


def _interval(selection: Selection, frame: Frame) -> int:
    """The number of the 1/fps interval that a frame lies in.

    Containers that count in milliseconds round a frame's time down by up to one, which must not move a frame from
    the start of its interval into the one before.
    """
    return math.floor((frame.time_s + _ROUNDING_S) * (selection.fps or 0.0))
