"""Where a face is and will be: a Kalman filter over its place and size, in seconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_JITTER = 0.03
"""Standard deviation of a detected box's centre and size, in face sizes: what MediaPipe's boxes show on still faces
at 640 pixels."""
_RESTLESSNESS = 3.0
"""Change of speed that a face shows within a second, in face sizes a second: a head that starts to turn or a person
who starts to walk."""
_CARRY_S = 1.0
"""Time constant with which an unseen face's movement is taken to fade: nobody walks on for ever."""
_SWELL_S = 0.2
"""The same for its size: boxes swell and shrink while a face is being hidden."""
_AT_REST = 1.0
"""Standard deviation of a new face's speed, in face sizes a second."""
_GROWTH = 0.3
"""Share of these that holds for the size: faces come nearer more slowly than they move across."""


class BoxKalmanFilter:
    """A face's centre and size through time, in any unit of length; its shape is averaged.

    Three filters with a constant velocity that fades (an Ornstein-Uhlenbeck process, the model of Singer 1970), one
    each for x, y and the size, the square root of the box's area. Noise is in units of the face's size, so that near
    and far faces are treated alike, and time is in seconds, so that any frame rate and gap will do.

    Args:
        box: (4,) x, y, width, height.
        time_s: when it was seen.
    """

    __slots__ = ("_filters", "_shape", "_time_s")

    def __init__(self, box: NDArray[np.floating[Any]], time_s: float) -> None:
        x, y, size, self._shape = _center_and_size(box)
        self._filters = (_Filter(x, size), _Filter(y, size), _Filter(size, size, _GROWTH))
        self._time_s = time_s

    def box(self, time_s: float) -> tuple[float, float, float, float]:
        """x, y, width, height at a time not before the last observation."""
        fade, swell = _Fade(time_s - self._time_s), _Fade(time_s - self._time_s, _SWELL_S)
        x, y = self._filters[0].place(fade), self._filters[1].place(fade)
        size = max(self._filters[2].place(swell), 1e-6)
        width, height = size * self._shape, size / self._shape
        return x - width / 2, y - height / 2, width, height

    def observe(self, box: NDArray[np.floating[Any]], time_s: float, hidden: float = 0.0) -> None:
        """Corrects the filters by what was seen.

        A box much smaller, larger or of another shape than expected is that of a face half hidden or badly seen: its
        centre says less about the movement, and is trusted less.

        Args:
            box: (4,) x, y, width, height.
            time_s: when it was seen, not before the last observation.
            hidden: share of the box, 0 to 1, that another face may hide.
        """
        elapsed = time_s - self._time_s
        fade, swell = _Fade(elapsed), _Fade(elapsed, _SWELL_S)
        x, y, size, shape = _center_and_size(box)
        expected = max(self._filters[2].place(swell), 1e-6)
        for one, change in zip(self._filters, (fade, fade, swell), strict=True):
            one.advance(change, expected)
        oddness = abs(math.log(size / expected)) + abs(math.log(shape / self._shape))
        doubt = _JITTER + max(0.0, oddness - 2 * _JITTER) + hidden
        for one, value in zip(self._filters, (x, y, size), strict=True):
            one.correct(value, doubt * expected)
        self._shape += (1 - math.exp(-elapsed)) * (shape - self._shape)
        self._time_s = time_s


class _Fade:
    """What a time does to a velocity: factors for place and speed, and noise."""

    __slots__ = ("noise", "reach", "remains")

    def __init__(self, elapsed_s: float, constant_s: float = _CARRY_S) -> None:
        elapsed = max(0.0, elapsed_s)
        self.remains = math.exp(-elapsed / constant_s)
        self.reach = constant_s * (1 - self.remains)
        # Of white noise on the acceleration over this time: variances of place, of both together, of speed.
        # The movement that is possible ends with what is carried on.
        span_s = min(elapsed, constant_s)
        density = _RESTLESSNESS**2
        self.noise = density * span_s**3 / 3, density * span_s**2 / 2, density * span_s


class _Filter:
    """One coordinate: value and velocity with their covariance."""

    __slots__ = ("_crossed", "_share", "_size", "_slow", "_speed", "_vague", "value")

    def __init__(self, value: float, size: float, share: float = 1.0) -> None:
        self.value, self._speed, self._size, self._share = value, 0.0, size, share
        self._vague = (_JITTER * size) ** 2
        self._crossed = 0.0
        self._slow = (_AT_REST * share * size) ** 2

    def place(self, fade: _Fade) -> float:
        return self.value + fade.reach * self._speed

    def variance(self, fade: _Fade) -> float:
        noise = fade.noise[0] * (self._share * self._size) ** 2
        return self._vague + 2 * fade.reach * self._crossed + fade.reach**2 * self._slow + noise

    def advance(self, fade: _Fade, size: float) -> None:
        self._size = size
        scale = (self._share * size) ** 2
        vague = self.variance(fade)
        self._crossed = fade.remains * (self._crossed + fade.reach * self._slow) + fade.noise[1] * scale
        self._slow = fade.remains**2 * self._slow + fade.noise[2] * scale
        self.value, self._vague = self.place(fade), vague
        self._speed *= fade.remains

    def correct(self, measurement: float, deviation: float) -> None:
        gain = self._vague + deviation**2
        by_place, by_speed = self._vague / gain, self._crossed / gain
        surprise = measurement - self.value
        self.value += by_place * surprise
        self._speed += by_speed * surprise
        self._slow -= by_speed * self._crossed
        self._crossed *= 1 - by_place
        self._vague *= 1 - by_place


def _center_and_size(box: NDArray[np.floating[Any]]) -> tuple[float, float, float, float]:
    """Centre x and y, size, and the shape: the square root of width by height."""
    x, y, width, height = box.tolist()
    width, height = max(width, 1e-9), max(height, 1e-9)
    return x + width / 2, y + height / 2, math.sqrt(width * height), math.sqrt(width / height)
