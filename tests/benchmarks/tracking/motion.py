"""Where things are at each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sin

import numpy as np


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a box is, in pixels of the scene."""

    x: float
    """Of the centre."""
    y: float
    height: float


Path = Callable[[float], Placement | None]
"""The place at a time in seconds; None while it is not in the scene at all."""
Wave = Callable[[float], float]
"""A smooth value from -1 to 1, never the same for long."""


def still(x: float, y: float, height: float) -> Path:
    """Never moves."""
    place = Placement(x, y, height)
    return lambda _: place


def through(*points: tuple[float, float, float, float]) -> Path:
    """From point to point in straight lines, each (seconds, x, y, height); at rest before the first and after the last.

    Heights change by a constant factor a second.
    """
    times, xs, ys, heights = (np.array(values, np.float64) for values in zip(*points, strict=True))

    def path(time_s: float) -> Placement:
        logarithm = np.interp(time_s, times, np.log(heights))
        return Placement(
            float(np.interp(time_s, times, xs)), float(np.interp(time_s, times, ys)), float(np.exp(logarithm))
        )

    return path


def swaying(path: Path, rng: np.random.Generator, share: float = 0.04) -> Path:
    """The path of something alive: it is never quite still.

    Args:
        path: the path on the whole.
        rng: decides on the movements.
        share: how far it strays, in box heights; half of that, how much it grows and shrinks.
    """
    x, y, size = (wave(rng, 0.25, 1.1) for _ in range(3))

    def swayed(time_s: float) -> Placement | None:
        place = path(time_s)
        if place is None:
            return None
        stray = share * place.height
        return Placement(
            place.x + stray * x(time_s), place.y + stray * y(time_s), place.height * (1 + share / 2 * size(time_s))
        )

    return swayed


def wandering(
    x: tuple[float, float], y: tuple[float, float], height: tuple[float, float], rng: np.random.Generator
) -> Path:
    """Moves about inside a rectangle, nearer and farther, turning now and then.

    Args:
        x: from and to.
        y: from and to.
        height: smallest and largest.
        rng: decides on the way.
    """
    waves = [wave(rng, 0.06, 0.3) for _ in range(3)]

    def path(time_s: float) -> Placement:
        values = [
            (low + high) / 2 + (high - low) / 2 * one(time_s)
            for (low, high), one in zip((x, y, height), waves, strict=True)
        ]
        return Placement(*values)

    return path


def while_(path: Path, start_s: float, end_s: float) -> Path:
    """The path from one time on until another; before and after there is nothing."""
    return lambda time_s: path(time_s) if start_s <= time_s < end_s else None


def wave(rng: np.random.Generator, slowest: float, fastest: float) -> Wave:
    """The sum of three sines with frequencies between two, in hertz."""
    frequencies = np.exp(rng.uniform(np.log(slowest), np.log(fastest), 3)).tolist()
    phases = rng.uniform(0, 2 * pi, 3).tolist()
    weights = (0.5, 0.3, 0.2)

    def value(time_s: float) -> float:
        return sum(w * sin(2 * pi * f * time_s + p) for w, f, p in zip(weights, frequencies, phases, strict=True))

    return value
