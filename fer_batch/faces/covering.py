"""As few squares as show every one of some places close enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.tiles import Square

NEAR = 3.0
"""Side in box sizes of a square with one place: the short-range network is at its best with a face a third as large as
its picture (99 % of faces score 0.5 or more there, 97 % at a quarter, 86 % at a fifth), and a face that has moved by
its own size is still inside."""
AWAY = 4.0
"""The same for another view of a place; also the side in sizes of the smallest box of a square with several places."""
_MARGIN = 0.3
"""Box sizes that are kept free around every place."""


def covering(boxes: NDArray[np.float32], sides: float = NEAR) -> list[tuple[Square, list[int]]]:
    """Squares with the places that each of them shows; each place is in one of them.

    Args:
        boxes: (N, 4) x, y, width, height, in order of importance.
        sides: least side of a square in sizes of its largest box.
    """
    sizes = boxes[:, 2:].max(1, initial=1.0)
    upper = boxes[:, :2] - _MARGIN * sizes[:, None]
    lower = boxes[:, :2] + boxes[:, 2:] + _MARGIN * sizes[:, None]
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    left = list(range(len(boxes)))
    squares = []
    while left:
        first = left[0]
        members = [first]
        distances = np.linalg.norm(centres[left] - centres[first], axis=1)
        for place in np.argsort(distances, kind="stable")[1:]:
            other = left[int(place)]
            if distances[place] > AWAY * sizes[first] * np.sqrt(2):
                break
            together = [*members, other]
            if np.max(lower[together].max(0) - upper[together].min(0)) <= AWAY * sizes[together].min():
                members = together
        squares.append(
            (_square(upper[members].min(0), lower[members].max(0), sides * float(sizes[members].max())), members)
        )
        left = [place for place in left if place not in members]
    return squares


def _square(upper: NDArray[np.float32], lower: NDArray[np.float32], least: float) -> Square:
    side = max(8, round(max(float((lower - upper).max()), least)))
    x, y = np.rint((upper + lower) / 2 - side / 2).astype(int).tolist()
    return Square(x, y, side)
