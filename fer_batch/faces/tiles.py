"""Squares of a picture, and the closer pictures that they make."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

_STEP = 0.78
"""Distance of neighbouring tiles in sides, at most. What is left is the overlap, in which a face must fit that the next
larger tiles, twice as large, are not sure to show: one of 0.2 sides."""
_LARGEST_LOOK = 20
"""Finest tiles that lie along the longer side of a picture, about: a picture larger than 4K is cut into larger tiles
instead of more, so that there are never more than 600."""


@dataclass(frozen=True, slots=True)
class Square:
    """A square part of a picture in its pixels; may reach beyond it."""

    x: int
    y: int
    side: int

    def cut(self, luma: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """This part of a (H, W) picture as (size, size, 3) gray RGB, black beyond the picture.

        Without colour: the detectors find small faces as well or better in gray (79 against 73 % of faces 24 pixels
        high in a tile of 240), and take fewer textures for one, and nothing needs to be converted.
        """
        height, width = luma.shape
        left, right = np.clip([self.x, self.x + self.side], 0, width).tolist()
        top, bottom = np.clip([self.y, self.y + self.side], 0, height).tolist()
        # Pixels of the result before which, and up to which, it shows the picture.
        x0, x1 = (round((edge - self.x) * size / self.side) for edge in (left, right))
        y0, y1 = (round((edge - self.y) * size / self.side) for edge in (top, bottom))
        if x0 == x1 or y0 == y1:
            return np.zeros((size, size, 3), np.uint8)
        method = cv2.INTER_AREA if size < self.side else cv2.INTER_LINEAR
        part = cv2.resize(luma[top:bottom, left:right], (x1 - x0, y1 - y0), interpolation=method)
        whole = np.zeros((size, size), np.uint8)
        whole[y0:y1, x0:x1] = part
        return np.asarray(cv2.cvtColor(whole, cv2.COLOR_GRAY2RGB), np.uint8)


def tiles(width: int, height: int, finest: int) -> list[Square]:
    """Overlapping squares that cover a picture, large ones first, each kind twice as large as the next.

    Args:
        width: of the picture in pixels.
        height: likewise.
        finest: side of the smallest tiles in pixels.
    """
    coarsest = ceil(max(width, height) / _LARGEST_LOOK)
    # In a strip, larger than the picture is high.
    whole = max(min(width, height), coarsest)
    side = max(finest, coarsest)
    # Tiles almost as large as the picture is high show nothing that those as large as it do not.
    sides = [whole]
    while side * 1.25 < whole:
        sides.append(side)
        side *= 2
    return [
        Square(x, y, side)
        for side in sorted(sides, reverse=True)
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]


def _starts(length: int, side: int) -> list[int]:
    count = max(1, ceil((length - side) / (_STEP * side)) + 1)
    return [round(i * (length - side) / max(1, count - 1)) for i in range(count)]
