"""What a frame shows, in a form in which two frames can be compared whatever their light and movement."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.video.frame import Frame

CUT = 0.55
"""Likeness below which two frames show different things. Of photographs of different people, the face in the middle of
each, one pair in 400 was more alike; consecutive frames of filmed people were never less than 0.85."""
_NEIGHBOURHOOD = 9
"""Cells along each side within which lightness and contrast are taken out: a quarter of the picture's height."""
_NOISE = 3.0
"""Gray levels of local contrast that count half: strong grain leaves 1.7 in a cell."""
_FLAT = 0.85
"""Gray levels of contrast below which a picture shows nothing: rounding alone leaves 0.3."""
_GRAINY = 3.0
"""Gray levels of contrast that strong grain alone may have."""
_JOINED = 0.3
"""Correlation of neighbouring cells below which a picture is grain: things reach beyond a cell."""
_BORDER = 6
"""Range of gray levels in a row or column of cells that is a bar beside the picture rather than a part of it."""
_BLOCK = (20, 16)
"""Cells of the blocks that are looked for, across and along: large enough not to be found by chance."""
_BLOCKS = tuple((x, y) for y in (0, 10, 20) for x in (0, 11, 22, 33, 44))
"""Where the blocks are, half over each other."""
_REACH = (10, 8)
"""Cells that a block is looked for around its place: movement by a sixth of the picture from frame to frame."""
_EMPTY = 0.01
"""Root mean square of the structure below which a block shows nothing."""
_STRONG = 0.6
"""Structure from which on something stands out."""
_SAME = 4
"""Gray levels by which writing may change by compression."""
_LITTLE = 0.12
"""Largest share of the picture that is writing: where more stays the same, the camera does."""
_BARE = 0.05
"""Root mean square of the structure below which nothing is left without the writing."""


class FrameFeatures:
    """What is kept of a frame: a glimpse, and what is made of it when it is needed."""

    def __init__(self, frame: Frame) -> None:
        self.time_s = frame.time_s
        self.cells = frame.glimpse()

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made of it."""
        return {"time_s": self.time_s, "cells": self.cells}

    @cached_property
    def _details(self) -> NDArray[np.float32]:
        """(h, w) the cells inside of bars, without the lightness of their neighbourhood."""
        rows, columns = (
            np.flatnonzero(
                cv2.subtract(cv2.reduce(self.cells, axis, cv2.REDUCE_MAX), cv2.reduce(self.cells, axis, cv2.REDUCE_MIN))
                > _BORDER
            )
            for axis in (1, 0)
        )
        self._inside = _without_edge(rows, self.cells.shape[0]), _without_edge(columns, self.cells.shape[1])
        inside = self.cells[self._inside].astype(np.float32)
        return inside - cv2.blur(inside, (_NEIGHBOURHOOD, _NEIGHBOURHOOD)) if inside.size else inside

    @cached_property
    def contrast(self) -> float:
        """Root mean square of the details in gray levels."""
        return float(cv2.norm(self._details)) / float(np.sqrt(max(1, self._details.size)))

    @cached_property
    def flat(self) -> bool:
        """Whether it shows nothing, or nothing but grain."""
        if self.contrast < _FLAT or self.contrast >= _GRAINY:
            return self.contrast < _FLAT
        return _is_grain(self._details)

    @cached_property
    def structure(self) -> NDArray[np.float32]:
        """(36, 64) the details, each measured by the contrast of its neighbourhood, weaker the nearer that is to noise;
        0 in bars. The same in any light, as local contrast normalisation (Jarrett et al. 2009) makes it.
        """
        structure = np.zeros(self.cells.shape, np.float32)
        details = self._details
        if details.size:
            power = np.asarray(cv2.blur(details * details, (_NEIGHBOURHOOD, _NEIGHBOURHOOD)))
            structure[self._inside] = details * np.sqrt(power) / (power + _NOISE**2)
        return structure

    @cached_property
    def pattern(self) -> _Pattern:
        """The structure, to be compared."""
        return _Pattern(self.structure)

    @cached_property
    def varied(self) -> NDArray[np.float32]:
        """(36 * 64) the cells without their mean."""
        return np.asarray(self.cells - np.float32(self.cells.mean()), np.float32).ravel()


def _is_grain(details: NDArray[np.float32]) -> bool:
    """Whether neighbouring cells have little to do with each other."""
    joined = float((details[:, 1:] * details[:, :-1]).sum() + (details[1:] * details[:-1]).sum()) / 2
    return joined < _JOINED * float((details * details).sum())


def _without_edge(inside: NDArray[np.intp], length: int) -> slice:
    """From the first to the last, but without those that are partly bar."""
    if not len(inside):
        return slice(0, 0)
    first, last = int(inside[0]), int(inside[-1])
    return slice(first + (first > 0), last + (last == length - 1))


class _Pattern:
    """A structure and how much of it is where.

    Args:
        structure: (36, 64).
    """

    def __init__(self, structure: NDArray[np.float32]) -> None:
        self.structure = structure
        squares = cv2.integral(structure * structure, sdepth=cv2.CV_32F)
        width, height = _BLOCK
        sums = squares[height:, width:] - squares[:-height, width:] - squares[height:, :-width]
        self.energy = np.asarray(np.maximum(sums + squares[:-height, :-width], 0), np.float32)
        """The sum of squares in a block, by the block's upper left cell."""

    def found_in(self, other: _Pattern) -> float:
        """Each block's best correlation around its place, weighted by how much the block shows: from 0 to 1."""
        width, height = _BLOCK
        area = width * height
        total, weights = 0.0, 0.0
        for x, y in _BLOCKS:
            strength = float(self.energy[y, x]) ** 0.5
            if strength < _EMPTY * area**0.5:
                continue
            block = self.structure[y : y + height, x : x + width]
            left, top = max(0, x - _REACH[0]), max(0, y - _REACH[1])
            around = other.structure[top : y + height + _REACH[1], left : x + width + _REACH[0]]
            products = cv2.matchTemplate(around, block, cv2.TM_CCORR)
            energies = other.energy[top : top + products.shape[0], left : left + products.shape[1]]
            best = float((products / np.sqrt(np.maximum(energies, _EMPTY**2 * area))).max()) / strength
            total += strength * min(1.0, best)
            weights += strength
        return total / weights if weights else 0.0


def likeness(one: FrameFeatures, other: FrameFeatures) -> float:
    """How much of one frame's structure is in the other one, at its place or moved: from 0 to 1.

    Of two frames, one may show less: it is too bright or too dark in part. What it does show counts then.
    Some is found by chance: frames that have nothing in common reach about 0.38, one pair in a hundred 0.52.
    """
    return _either(one.pattern, other.pattern)


def _either(one: _Pattern, other: _Pattern) -> float:
    share = one.found_in(other)
    return share if share >= CUT else max(share, other.found_in(one))


def bare_likeness(one: FrameFeatures, other: FrameFeatures) -> float:
    """The same without writing that stays where it is, as subtitles and a station's sign do; 1 without any."""
    strong = (np.abs(one.structure) > _STRONG) & (np.abs(other.structure) > _STRONG)
    same = (strong & (cv2.absdiff(one.cells, other.cells) <= _SAME)).astype(np.uint8)
    if not 0 < cv2.countNonZero(same) <= _LITTLE * same.size:
        return 1.0
    writing = cv2.dilate(same, np.ones((_NEIGHBOURHOOD, _NEIGHBOURHOOD), np.uint8))
    bare = [np.where(writing, np.float32(0), look.structure) for look in (one, other)]
    if any(float((left * left).mean()) < _BARE**2 or _is_grain(left) for left in bare):
        return 1.0
    return _either(_Pattern(bare[0]), _Pattern(bare[1]))
