"""Hard cuts, found by what the pictures show: which frames belong to one shot."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from fer_batch.video.frame import Frame
from fer_batch.video.shot_features import CUT, FrameFeatures, bare_likeness, likeness

AROUND_S = 0.15
"""How far around a change one looks: longer than a flash (0.12 s: three frames at 25 a second), shorter than a shot."""
MOST_WAITING = 7
"""Frames that wait at most, the one in question among them: a flash of 0.1 s at 60 frames a second and the next one."""
_MAX_FRAMES = 16
"""Glimpses that are kept: of the moment before, at up to 100 frames a second."""
_BLENDED_S = 0.05
"""Longest frame that may be a mixture of two shots within a cut: blended when the rate was changed, or fields of both.
A slower recording would show a dissolve in as many frames."""

_STILL = 2.0
"""Mean difference of cells, in gray levels, up to which nothing can have been cut: slow movement, and blocks that come
and go in the dark end of a fade. Across cuts between shots that can hardly be seen it is three times that.
"""
_REPEATED = 0.2
"""Mean difference of cells, in gray levels, of frames that are one picture, coded twice."""
_ALIKE = 0.8
"""Correlation of two structures in place from which on no search for movement is needed."""
_BLENDED = 0.9
"""Likeness below which a frame may be a mixture of the one before and the one after it."""
_RESTLESS = 0.6
"""Likeness of consecutive frames on either side of a cut: where all frames differ, as in a whip pan or in mere noise,
no difference tells of a cut."""
_CALM = 0.78
"""The same on the mean of both sides: a dark, noisy shot may come before or after a calm one."""
_STANDS_OUT = 0.03
"""By how much a step into or out of a mixture is less alike than the steps around it: a zoom's are all the same."""
_GRADUAL = 0.65
"""Share of the way from before to after up to which one step is not a cut but a part of a dissolve or a fade: noise
alone makes a cut's share 0.67 where it is as strong as what changes."""
_MIXTURE = 0.15, 0.85
"""Shares of a mixture that is told from either of its parts."""
_REST = 0.3
"""What may be left of a mixture when its parts are taken away, of the smaller part's power: movement between frames."""

_MUCH = 8.0
"""Gray levels of contrast of which not all can go where cells change by 2 in the mean."""
_WRITTEN = 0.8
"""Likeness up to which writing may be all that two frames share: bright writing in a dark picture is most of it."""
_BARE_CUT = 0.5
"""Likeness without the writing below which two frames show different things."""
_STEADY = 0.9
"""Likeness of consecutive frames before and after a cut behind writing."""
_COMPARED = 4
"""Frames of either side that are compared with those of the other: a flash leaves one of them untouched."""


def shots(frames: Iterator[Frame], before: ShotState | None = None) -> Generator[tuple[Frame, int]]:
    """Every frame in order, unchanged, with the number of its shot from 0.

    A hard cut raises the number at the first frame after it. Dissolves, fades, flashes, changes of light and movements
    do not. A frame that shows nothing, as a black or white one, belongs to the shot before it.

    A frame that looks like the first one after a cut is held back, with those that follow it, until it is certain:
    until :data:`AROUND_S` have passed or :data:`MOST_WAITING` frames wait. All others come out at once. What goes wrong
    in ``frames`` comes out at its place.

    Args:
        frames: in presentation order; closed, where it can be, with this iterator.
        before: what was shown before them; when a frame comes out, it remembers all up to this one.
    """
    ahead = _Ahead(frames)
    before = before or ShotState()
    try:
        while (now := ahead.take()) is not None:
            frame, look = now
            if before.doubts(look) and before.is_cut(look, ahead.peek(look.time_s + AROUND_S)):
                before.cut_at(look.time_s)
            before.add(look)
            yield frame, before.shot
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


class _Ahead:
    """Frames with a look at each, some of them drawn before their turn."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._waiting: deque[tuple[Frame, FrameFeatures]] = deque()
        self._error: Exception | None = None
        self._ended = False

    def take(self) -> tuple[Frame, FrameFeatures] | None:
        """The next frame; None after the last one."""
        if not self._waiting:
            self._draw()
        if self._waiting:
            return self._waiting.popleft()
        if self._error is not None:
            raise self._error
        return None

    def peek(self, until_s: float) -> list[FrameFeatures]:
        """The frames after the one that was taken last, as far as they are needed and may wait with it."""
        while not self._ended and len(self._waiting) + 1 < MOST_WAITING:
            if self._waiting and self._waiting[-1][1].time_s >= until_s:
                break
            self._draw()
        return [look for _, look in self._waiting]

    def _draw(self) -> None:
        if self._ended:
            return
        try:
            frame = next(self._frames, None)
            if frame is None:
                self._ended = True
            else:
                self._waiting.append((frame, FrameFeatures(frame)))
        except Exception as error:  # comes out after the frames that wait
            self._error, self._ended = error, True


class _Step:
    """From one frame to another."""

    def __init__(self, before: FrameFeatures, after: FrameFeatures) -> None:
        self._before, self._after = before, after
        self.difference = float(cv2.norm(before.cells, after.cells, cv2.NORM_L1)) / before.cells.size
        """Mean difference of cells in gray levels."""

    @property
    def likeness(self) -> float:
        """Of the two frames; where that is clear at a glance, not measured."""
        if self.difference <= _STILL:
            return 1.0
        a, b = self._before.structure.ravel(), self._after.structure.ravel()
        in_place = float(a @ b) / max(1e-6, float(np.sqrt(float(a @ a) * float(b @ b))))
        return in_place if in_place > _ALIKE else likeness(self._before, self._after)


class ShotState:
    """What was shown last, and whether what comes now is a cut from it."""

    def __init__(self) -> None:
        self.shot = 0
        """The number of cuts so far."""
        self._recent: deque[FrameFeatures] = deque(maxlen=_MAX_FRAMES)
        """The last frames that show something."""
        self._flat: FrameFeatures | None = None
        """The last one after them that shows nothing."""
        self._clear: FrameFeatures | None = None
        """The last one whose contrast was measured, if it was much."""
        self._cut_s = -np.inf
        self._likeness = self._last_likeness = 1.0
        """Between the frame that is asked for and the last one that shows something; the same for the one before."""
        self._written = False
        """Whether what the two share may be nothing but writing."""
        self._blended = False
        """Whether the last frame may be a mixture of what was before and what comes."""

    def doubts(self, look: FrameFeatures) -> bool:
        """Whether the frame may be the first one after a cut; asked once for each frame."""
        self._blended = self._written = False
        if not self._recent or self._is_flat(look):
            return False
        if self._flat is not None and _Step(self._flat, look).difference <= _STILL:
            self._last_likeness = self._likeness = 1.0  # a fade begins
            return False
        self._last_likeness, self._likeness = self._likeness, _Step(self._recent[-1], look).likeness
        if look.time_s - self._cut_s < AROUND_S:
            return False
        # A frame that shows both shots is like either.
        if max(self._last_likeness, self._likeness) < _BLENDED:
            one, mixture = self._recent[-2], self._recent[-1]
            short = mixture.time_s - one.time_s <= _BLENDED_S
            self._blended = short and _is_between(one, mixture, look, *_MIXTURE) and likeness(one, look) < CUT
        self._written = (
            CUT <= self._likeness < _WRITTEN
            and self._last_likeness >= _STEADY
            and bare_likeness(self._recent[-1], look) < _BARE_CUT
        )
        return self._written or self._blended or self._likeness < CUT

    def _is_flat(self, look: FrameFeatures) -> bool:
        """Whether it shows nothing; not measured where it is hardly another picture than one that shows much."""
        clear = self._clear
        if clear is not None and _Step(clear, look).difference <= _STILL:
            return False
        self._clear = look if look.contrast > _MUCH else None
        return look.flat

    def is_cut(self, look: FrameFeatures, after: Sequence[FrameFeatures]) -> bool:
        """Whether it is, now that the frames after it are known; after the last frame nobody knows."""
        now = [look, *(one for one in after if not one.flat)]
        if len(now) == 1:
            return False
        before = self._frames_before(look.time_s)
        if self._likeness < CUT and self._divides(before, now, 0.0):
            return True
        if (self._likeness < CUT or self._written) and self._divides_behind_writing(before, now):
            return True
        return self._blended and self._divides(before[:-1], now, max(self._last_likeness, self._likeness))

    def _divides(self, before: Sequence[FrameFeatures], now: Sequence[FrameFeatures], step: float) -> bool:
        """Whether there is a cut between these, made in steps as alike as this."""
        if not before:
            return False
        calm = _calmness(before), _calmness(now)
        if min(calm) < max(_RESTLESS, step + _STANDS_OUT) or sum(calm) / 2 < _CALM or self._fades(before, now):
            return False
        return all(likeness(one, other) < CUT for one in _some(before) for other in _some(now))

    def _divides_behind_writing(self, before: Sequence[FrameFeatures], now: Sequence[FrameFeatures]) -> bool:
        """Whether there is a cut between these behind something that stays. Less is left to judge by, so all else must
        be clearer: what comes before and after is steady, also behind the writing.
        """
        steady = min(_calmness(before), _calmness(now))
        sides = [side for side in (before[-2:], now[:2]) if len(side) > 1]
        if steady < _STEADY or any(bare_likeness(one, other) < _RESTLESS for one, other in sides):
            return False
        return not self._fades(before, now) and all(
            likeness(one, other) < _WRITTEN and bare_likeness(one, other) < _BARE_CUT
            for one in _some(before)
            for other in _some(now)
        )

    def _fades(self, before: Sequence[FrameFeatures], now: Sequence[FrameFeatures]) -> bool:
        return _grows(now) if self._flat is not None else _is_gradual(before, now)

    def add(self, look: FrameFeatures) -> None:
        """The frame is now one of those before."""
        if self._is_flat(look):
            self._flat = look
        else:
            self._flat = None
            self._recent.append(look)

    def cut_at(self, time_s: float) -> None:
        """There was a cut; another one cannot follow at once."""
        self._cut_s = time_s
        self.shot += 1

    def _frames_before(self, time_s: float) -> list[FrameFeatures]:
        """Frames since the last cut: of the last moments and the one before these, at least two if there are."""
        frames = [one for one in self._recent if one.time_s >= self._cut_s]
        recent = sum(one.time_s > time_s - AROUND_S for one in frames)
        return frames[-max(2, recent + 1) :]


def _some(features: Sequence[FrameFeatures]) -> list[FrameFeatures]:
    """Some of them, the first and the last among them."""
    last = len(features) - 1
    return [features[i] for i in sorted({round(i * last / (_COMPARED - 1)) for i in range(_COMPARED)})]


def _calmness(features: Sequence[FrameFeatures]) -> float:
    """The median likeness of consecutive frames; those that are repeated say nothing."""
    steps = [_Step(one, other) for one, other in pairwise(features)]
    likenesses = sorted(step.likeness for step in steps if step.difference > _REPEATED)
    return likenesses[(len(likenesses) - 1) // 2] if likenesses else 1.0


def _is_gradual(before: Sequence[FrameFeatures], after: Sequence[FrameFeatures]) -> bool:
    """Whether one picture turns into another little by little: each a mixture of those around it."""
    start = _second(before[::-1])
    return _is_between(before[-1], _second(after), after[-1], 0.0, _GRADUAL) or _is_between(
        before[0], start, after[0], 1 - _GRADUAL, 1.0
    )


def _grows(after: Sequence[FrameFeatures]) -> bool:
    """Whether a picture comes out of black or white little by little."""
    return _second(after).contrast < _GRADUAL * after[-1].contrast


def _second(features: Sequence[FrameFeatures]) -> FrameFeatures:
    """The second one, where the first one may be a mixture; else the first one."""
    first = features[0]
    return features[1] if len(features) > 1 and abs(features[1].time_s - first.time_s) <= _BLENDED_S else first


def _is_between(one: FrameFeatures, middle: FrameFeatures, other: FrameFeatures, low: float, high: float) -> bool:
    """Whether a picture is a mixture of two others, with a share of the second one between these limits."""
    way, step = other.varied - one.varied, middle.varied - one.varied
    length = float(way @ way)
    if not length:
        return False
    share = float(step @ way) / length
    rest = step - share * way
    return low < share < high and float(rest @ rest) < _REST * min(share, 1 - share) ** 2 * length
