"""Timeline rows as the page carries them: quantised columns, compressed, as text.

The page's script unpacks block after block while the page can already be used. A row takes some 5 to 10 bytes of the
file, and 60 of the browser's memory.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fer_batch.analytics.summary import Pace, gaps, is_live, pace
from fer_batch.emotions import EMOTIONS

COLUMNS: Final = ("frame", "time_s", "track", "x", "y", "width", "height", *EMOTIONS, "interpolated")
"""What is needed of a timeline."""

TICK_S: Final = 1e-4
"""Unit of times, in seconds: a hundredth of a frame at 100 frames a second, and 32 bits of it are five days."""

_BOX_SCALE: Final = 4.0
"""Steps a pixel of box corners: a quarter of a pixel is less than a screen shows."""
_LARGEST: Final = 32767
"""Of 16 bits with a sign."""
_BLOCK_ROWS: Final = 200_000
"""Rows that are unpacked at once, unless one track has more: a block takes a browser about 20 ms."""


@dataclass(frozen=True, slots=True)
class PackedTrack:
    """Where a track's rows are, and when it was seen."""

    track: int
    block: int
    at: int
    """Its first row in the block."""
    rows: int
    first_rows: list[int]
    """Of each run, a stretch without a gap: its first row, from 0 in the track."""
    starts_s: list[float]
    ends_s: list[float]
    """When the run's last row is over."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Packed:
    """A recording's timeline."""

    frames: str
    """Base64 of zlib: for each frame with faces, the ticks, then the frames since the one before, as uint32."""
    blocks: list[str]
    """Base64 of zlib, planes of N rows: index into the frames (uint32), x, y, width, height (int16), each as the
    difference to the row before; the seven probabilities (uint8, 255 is 1), whether interpolated (uint8)."""
    rows: list[int]
    """Of each block."""
    box_scale: float
    """Steps a pixel."""
    tracks: list[PackedTrack]


def packed(timeline: pd.DataFrame) -> Packed:
    """Packs one recording's timeline, which has ``COLUMNS`` and, of a live source, ``captured_at``.

    Rows are grouped by track, then in order of frames.
    """
    frame_numbers, first, frame = np.unique(timeline["frame"].to_numpy(), return_index=True, return_inverse=True)
    times = timeline["time_s"].to_numpy(np.float64)[first]
    tracks = timeline["track"].to_numpy()
    order = np.lexsort((frame, tracks))
    timeline, frame, tracks = timeline.iloc[order], frame[order], tracks[order]
    boxes = timeline[["x", "y", "width", "height"]].to_numpy(np.float64)
    scale = min(_BOX_SCALE, _LARGEST / max(1.0, float(np.abs(boxes).max(initial=0))))
    columns = _Columns(
        frame.astype(np.uint32),
        np.rint(boxes * scale).astype(np.int16),
        np.rint(timeline[list(EMOTIONS)].to_numpy(np.float64) * 255).astype(np.uint8),
        timeline["interpolated"].fillna(False).to_numpy(np.uint8),
    )
    starts = np.flatnonzero(np.diff(tracks, prepend=-1))
    bounds = [*starts.tolist(), len(tracks)]
    usual = pace(frame_numbers, times, is_live(timeline))
    encoded: list[PackedTrack] = []
    blocks: list[str] = []
    rows: list[int] = []
    for block, (begin, end) in enumerate(_blocks(bounds)):
        blocks.append(columns.text(begin, end))
        rows.append(end - begin)
        for start, stop in pairwise([bound for bound in bounds if begin <= bound <= end]):
            runs = _runs(frame_numbers[frame[start:stop]], times[frame[start:stop]], usual)
            encoded.append(PackedTrack(int(tracks[start]), block, start - begin, stop - start, *runs))
    ticks = np.rint(times / TICK_S).astype(np.int64)
    return Packed(_text(_steps(ticks), _steps(frame_numbers)), blocks, rows, scale, encoded)


@dataclass(frozen=True, slots=True)
class _Columns:
    frame: NDArray[np.uint32]
    box: NDArray[np.int16]
    probabilities: NDArray[np.uint8]
    interpolated: NDArray[np.uint8]

    def text(self, begin: int, end: int) -> str:
        """The rows from ``begin`` to before ``end``."""
        rows = slice(begin, end)
        # Differences wrap around as the sums will: both are counted in the column's own type.
        frame = np.diff(self.frame[rows], prepend=np.uint32(0))
        box = np.diff(self.box[rows], axis=0, prepend=np.zeros((1, 4), np.int16))
        return _text(frame, *box.T, *self.probabilities[rows].T, self.interpolated[rows])


def _blocks(bounds: list[int]) -> Iterator[tuple[int, int]]:
    """Whole tracks together, as many as fit."""
    begin = 0
    for start, end in pairwise(bounds):
        if end - begin > _BLOCK_ROWS and start > begin:
            yield begin, start
            begin = start
    if bounds[-1] > begin:
        yield begin, bounds[-1]


def _runs(
    frames: NDArray[np.int64], times: NDArray[np.float64], usual: Pace
) -> tuple[list[int], list[float], list[float]]:
    """The first rows of a track's runs, their starts and their ends."""
    breaks = np.flatnonzero(gaps(frames, times, usual))
    first, last = np.append(0, breaks + 1), np.append(breaks, len(times) - 1)
    ends = times[last] + usual.step_s
    return first.tolist(), np.round(times[first], 4).tolist(), np.round(ends, 4).tolist()


def _steps(values: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Differences to the value before, the first one to zero; what is longer than 32 bits hold is cut to that."""
    return np.clip(np.diff(values, prepend=0), 0, 2**32 - 1).astype(np.uint32)


def _text(*columns: NDArray[Any]) -> str:
    little = (np.ascontiguousarray(column, column.dtype.newbyteorder("<")).tobytes() for column in columns)
    return b64encode(zlib.compress(b"".join(little), 6)).decode()
