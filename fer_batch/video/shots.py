"""Hard cuts, found by what the pictures show: which frames belong to one shot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.video.frame import Frame

_AROUND_S = 0.15
"""How far around a change one looks: longer than a flash (0.12 s: three frames at 25 a second), shorter than a shot."""
MOST_WAITING = 7
"""Frames that wait at most, the one in question among them: a flash of 0.1 s at 60 frames a second and the next one."""
_MOST_REMEMBERED = 16
"""Glimpses that are kept: those of the moment before at 60 frames a second and more."""
_BLENDED_S = 0.05
"""A cut may take two steps if these are as short: frames blended when the rate was changed, fields of two shots."""

_STILL = 1.0
"""Mean difference of cells, in gray levels, up to which nothing can have been cut: noise and slow movement."""
_REPEATED = 0.2
"""Mean difference of cells, in gray levels, of frames that are one picture, coded twice."""
_ALIKE = 0.8
"""Correlation of two structures in place from which on no search for movement is needed."""
_CUT = 0.55
"""Likeness below which two frames show different things."""
_BLENDED = 0.9
"""Likeness below which a frame may be a mixture of the one before and the one after it."""
_CALM = 0.67
"""By how much frames on either side of a cut are at least more alike than those across it."""
_GRADUAL = 0.35
_MIXED = 0.3
_MIXTURE = 0.15, 0.85
_LONE = 2.0
"""How many times as large a cut's step is than any other around it, on the way from before to after."""

_NEIGHBOURHOOD = 9
"""Cells along each side within which lightness and contrast are taken out."""
_NOISE = 4.0
"""Gray levels of local contrast that count half: less of it counts less, down to noise that counts nothing."""
_GRAINY = 3.0
_FLAT = 0.65
"""Gray levels of local contrast below which a picture shows nothing: black, white, out of a fade."""
_BORDER = 6
"""Range of gray levels in a row or column of cells that is a bar beside the picture rather than a part of it."""
_BLOCK = (20, 16)
"""Cells of the blocks that are looked for, across and along: large enough not to be found by chance."""
_BLOCKS = tuple((x, y) for y in (0, 10, 20) for x in (0, 11, 22, 33, 44))
"""Where the blocks are, half over each other."""
_REACH = (10, 8)
"""Cells that a block is looked for around its place: movement by a sixth of the picture from frame to frame."""
_EMPTY = 0.05
"""Root mean square of the structure below which a block shows nothing."""


def shots(frames: Iterator[Frame]) -> Iterator[tuple[Frame, int]]:
    """Every frame in order, unchanged, with the number of its shot from 0.

    A hard cut raises the number at the first frame after it. Dissolves, fades, flashes, changes of light and movements
    do not. A frame that shows nothing, as black or white ones, belongs to the shot before it.

    A frame that looks like the first one after a cut is held back until it is certain, with those that follow it:
    until 0.15 s have passed or :data:`MOST_WAITING` frames wait. Others come out at once.

    Args:
        frames: in presentation order; closed, where it can be, with this iterator.
    """
    ahead = _Ahead(frames)
    before = _Before()
    shot = 0
    try:
        while (now := ahead.take()) is not None:
            frame, look = now
            if before.doubts(look) and before.is_cut(look, ahead.peek(look)):
                shot += 1
                before.cut_at(look.time_s)
            before.add(look)
            yield frame, shot
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


class _Look:
    """What is kept of a frame: a glimpse, and what is made of it."""

    def __init__(self, frame: Frame) -> None:
        self.time_s = frame.time_s
        self.cells = frame.glimpse()

    @cached_property
    def structure(self) -> NDArray[np.float32]:
        """(36, 64) the cells without lightness and contrast, each measured by its neighbourhood; 0 in bars beside
        the picture. The same in any light: local contrast normalisation (Jarrett et al. 2009).
        """
        structure = np.zeros(self.cells.shape, np.float32)
        rows, columns = self._inside
        inside = self.cells[rows, columns].astype(np.float32)
        if inside.size:
            size = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
            inside -= cv2.blur(inside, size)
            structure[rows, columns] = inside / (np.sqrt(cv2.blur(inside * inside, size)) + _NOISE)
            self._contrast = float(cv2.norm(inside)) / inside.size**0.5
            self._grain = 1 - _joined(inside)
        return structure

    @property
    def _inside(self) -> tuple[slice, slice]:
        """Rows and columns of the picture without bars, nor the cells that are part bar, part picture."""
        rows, columns = (np.flatnonzero(self.cells.max(axis) - self.cells.min(axis) > _BORDER) for axis in (1, 0))
        return _between(rows, self.cells.shape[0]), _between(columns, self.cells.shape[1])

    _contrast = 0.0
    _grain = 1.0

    @cached_property
    def varied(self) -> NDArray[np.float32]:
        """(36 * 64) the cells without their mean."""
        return (self.cells - np.float32(self.cells.mean())).ravel()

    @cached_property
    def flat(self) -> bool:
        """Whether it shows nothing."""
        assert self.structure is not None
        return self._contrast < _FLAT or (self._contrast < _GRAINY and self._grain > 0.7)

    @cached_property
    def energy(self) -> NDArray[np.float32]:
        """The structure's sum of squares in a block, by the block's upper left cell."""
        squares = cv2.integral(self.structure * self.structure, sdepth=cv2.CV_32F)
        width, height = _BLOCK
        sums = squares[height:, width:] - squares[:-height, width:] - squares[height:, :-width]
        return np.asarray(np.maximum(sums + squares[:-height, :-width], 0), np.float32)


def _between(inside: NDArray[np.intp], length: int) -> slice:
    if not len(inside):
        return slice(0, 0)
    first, last = int(inside[0]), int(inside[-1])
    return slice(first + (first > 0), last + (last == length - 1))


def _joined(cells: NDArray[np.float32]) -> float:
    """Correlation of neighbouring cells: of things nearly 1, of noise nearly 0."""
    right = float((cells[:, 1:] * cells[:, :-1]).sum())
    below = float((cells[1:] * cells[:-1]).sum())
    return (right + below) / max(1e-6, 2 * float((cells * cells).sum()))


def _difference(one: _Look, other: _Look) -> float:
    """Mean difference of cells in gray levels."""
    return float(cv2.norm(one.cells, other.cells, cv2.NORM_L1)) / one.cells.size


def _in_place(one: _Look, other: _Look) -> float:
    """Correlation of two structures as they lie."""
    a, b = one.structure.ravel(), other.structure.ravel()
    return float(a @ b) / float(np.sqrt(max(1e-6, float(a @ a) * float(b @ b))))


def likeness(one: _Look, other: _Look) -> float:
    found = _found(one, other)
    return found if found >= _CUT else max(found, _found(other, one))


def _found(one: _Look, other: _Look) -> float:
    """How much of one frame's structure is in the other one, at its place or moved: from 0 to 1.

    Each block's best correlation around its place, weighted by how much the block shows. Some is found by chance:
    frames that have nothing in common reach about 0.37, seldom 0.5.
    """
    width, height = _BLOCK
    total, weights = 0.0, 0.0
    for x, y in _BLOCKS:
        block = one.structure[y : y + height, x : x + width]
        strength = float(one.energy[y, x]) ** 0.5
        if strength < _EMPTY * (width * height) ** 0.5:
            continue
        left, top = max(0, x - _REACH[0]), max(0, y - _REACH[1])
        area = other.structure[top : y + height + _REACH[1], left : x + width + _REACH[0]]
        found = cv2.matchTemplate(area, block, cv2.TM_CCORR)
        there = other.energy[top : top + found.shape[0], left : left + found.shape[1]]
        best = float((found / np.sqrt(np.maximum(there, _EMPTY**2 * width * height))).max()) / strength
        total += strength * min(1.0, best)
        weights += strength
    return total / weights if weights else 0.0


class _Step:
    """From one frame to the next."""

    def __init__(self, before: _Look, after: _Look) -> None:
        self.before, self.after = before, after
        self.difference = _difference(before, after)

    @cached_property
    def likeness(self) -> float:
        """Of the two frames; where that is clear at a glance, not measured."""
        if self.difference <= _STILL:
            return 1.0
        in_place = _in_place(self.before, self.after)
        return in_place if in_place > _ALIKE else likeness(self.before, self.after)


class _Before:
    """What was shown last, and whether what comes now is a cut from it."""

    def __init__(self) -> None:
        self._shown: deque[_Look] = deque(maxlen=_MOST_REMEMBERED)
        """The last frames that show something."""
        self._flat: list[_Look] = []
        """Those after them that show nothing."""
        self._cut_s = -np.inf
        self._likeness = 1.0
        """Of the last two of them."""
        self._last_likeness = 1.0
        self._blended = False
        """Whether the last of them seems to be a mixture of what was before and what comes."""

    def doubts(self, look: _Look) -> bool:
        """Whether the frame may be the first one after a cut."""
        self._blended = False
        if not self._shown or look.flat:
            return False
        if self._flat and _difference(self._flat[-1], look) <= _STILL:
            self._likeness = 1.0
            return False
        self._last_likeness, self._likeness = self._likeness, _Step(self._shown[-1], look).likeness
        if look.time_s - self._cut_s < _AROUND_S:
            return False
        # A frame that shows both shots is like either.
        if (
            max(self._last_likeness, self._likeness) < _BLENDED
            and self._shown[-1].time_s - self._shown[-2].time_s <= _BLENDED_S
        ):
            self._blended = likeness(self._shown[-2], look) < _CUT
        return self._blended or self._likeness < _CUT

    def is_cut(self, look: _Look, after: list[_Look]) -> bool:
        """Whether it is, now that the frames after it are known."""
        now = [look, *(one for one in after if not one.flat)]
        if len(now) == 1:
            return False
        before = self._recent(look.time_s)
        if self._likeness < _CUT and self._divides(before, now, _CUT):
            return True
        return (
            self._blended
            and _is_between(before[-2], before[-1], look, *_MIXTURE)
            and self._divides(before[:-1], now, max(self._last_likeness, self._likeness))
        )

    def _divides(self, before: list[_Look], now: list[_Look], step: float) -> bool:
        calm = min(_calmness(before), _calmness(now))
        if calm < max(_CALM, step + 0.03) or (_is_growing(now) if self._flat else _is_gradual(before, now)):
            return False
        return all(likeness(one, other) < _CUT for one in _some(before, 4) for other in _some(now, 4))

    def add(self, look: _Look) -> None:
        """The frame is now one of those before."""
        if look.flat:
            self._flat = [look]
        else:
            self._flat = []
            self._shown.append(look)

    def cut_at(self, time_s: float) -> None:
        """There was a cut; another one cannot follow at once."""
        self._cut_s = time_s

    def _recent(self, time_s: float) -> list[_Look]:
        """Frames since the last cut, of the last moments, but two if there are."""
        shown = [one for one in self._shown if one.time_s >= self._cut_s] or [self._shown[-1]]
        recent = [one for one in shown if one.time_s >= time_s - _AROUND_S]
        return recent if len(recent) > 1 else shown[-2:]


def _some(looks: list[_Look], count: int) -> list[_Look]:
    """Some of them, the first and the last among them."""
    if len(looks) <= count:
        return looks
    return [looks[round(i * (len(looks) - 1) / (count - 1))] for i in range(count)]


def _calmness(looks: list[_Look]) -> float:
    """How alike consecutive frames are in general; those that are repeated say nothing."""
    steps = [_Step(one, other) for one, other in pairwise(looks)]
    likenesses = sorted(step.likeness for step in steps if step.difference > _REPEATED)
    return likenesses[(len(likenesses) - 1) // 2] if likenesses else 1.0


def _is_gradual(before: list[_Look], after: list[_Look]) -> bool:
    """Whether one picture turns into another little by little, as in a fade: each a mixture of those around it."""
    start = next(one for one in before if one.time_s >= before[-1].time_s - _BLENDED_S)
    end = [one for one in after if one.time_s <= after[0].time_s + _BLENDED_S][-1]
    return _is_between(before[-1], end, after[-1], 0.0, 1 - _GRADUAL) or _is_between(
        before[0], start, after[0], _GRADUAL, 1.0
    )


def _is_growing(after: list[_Look]) -> bool:
    """Whether a picture comes out of black or white little by little."""
    first = [one for one in after if one.time_s <= after[0].time_s + _BLENDED_S][-1]
    return float(cv2.norm(first.varied)) < (1 - _GRADUAL) * float(cv2.norm(after[-1].varied))


def _is_between(one: _Look, middle: _Look, other: _Look, low: float, high: float) -> bool:
    """Whether a picture is a mixture of two others, with this much of the second one."""
    start = one.varied
    way, step = other.varied - start, middle.varied - start
    length = float(way @ way)
    if not length:
        return False
    share = float(step @ way) / length
    rest = step - share * way
    nearer = min(share, 1 - share) ** 2 * length
    return low < share < high and float(rest @ rest) < _MIXED * nearer


class _Ahead:
    """Frames with a look at each, some of them drawn before their turn."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._waiting: deque[tuple[Frame, _Look]] = deque()
        self._error: Exception | None = None
        self._ended = False

    def take(self) -> tuple[Frame, _Look] | None:
        """The next frame; None after the last one."""
        if not self._waiting:
            self._draw()
        if self._waiting:
            return self._waiting.popleft()
        if self._error is not None:
            raise self._error
        return None

    def peek(self, look: _Look) -> list[_Look]:
        """The frames after the one that was taken last, as far as they are needed."""
        while (
            not self._ended
            and len(self._waiting) + 1 < MOST_WAITING
            and not (self._waiting and self._waiting[-1][1].time_s >= look.time_s + _AROUND_S)
        ):
            self._draw()
        return [one for _, one in self._waiting]

    def _draw(self) -> None:
        if self._ended:
            return
        try:
            frame = next(self._frames, None)
        except Exception as error:  # comes out at its place, after the frames that wait
            self._error, self._ended = error, True
            return
        if frame is None:
            self._ended = True
        else:
            self._waiting.append((frame, _Look(frame)))
