"""Probabilities averaged over time, by their rows' own times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smoothed(times: NDArray[np.float64], values: NDArray[np.float64], reach_s: float) -> NDArray[np.float64]:
    """Means of (N, 7) values with those up to ``reach_s`` before and after, weighted by nearness in a triangle.

    The terms of a sum come in the order of their distance in rows, and those out of reach are exactly zero: a row's
    mean is the same to the last bit among any others, if all within reach are there.
    """
    total, weight = values.copy(), np.ones(len(times))
    for distance in range(1, len(times) if reach_s else 1):
        share = np.maximum(0.0, 1 - (times[distance:] - times[:-distance]) / reach_s)
        if not share.any():
            break
        total[:-distance] += share[:, None] * values[distance:]
        total[distance:] += share[:, None] * values[:-distance]
        weight[:-distance] += share
        weight[distance:] += share
    smooth: NDArray[np.float64] = total / weight[:, None]
    return smooth
