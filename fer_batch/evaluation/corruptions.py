"""Disturbances that recordings bring, done to registered faces: how much worse does a model get?

A condition is a function from one registered crop, uint8, (S, S) gray or (S, S, 3) RGB, to another of the same shape
and type. It gives the same crop for the same crop, whatever faces are measured beside it. Strengths are those for a
crop of 48 pixels and grow with the side, so that a model of another crop size sees the same face equally disturbed;
only JPEG's blocks stay 8 pixels wide, and noise is as strong in each pixel.

A further condition is one function here with ``@_condition("its-name")`` above it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Condition = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

CONDITIONS: dict[str, Condition] = {}
"""Every condition by name, in the order in which they are shown."""

_SIDE = 48
"""Side in pixels of the crop that strengths are given for."""
_SEED = 482013


def _condition(name: str) -> Callable[[Condition], Condition]:
    def registered(function: Condition) -> Condition:
        CONDITIONS[name] = function
        return function

    return registered


@_condition("small-24")
def _small_24(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face half as large as the crop: 24 pixels of 48."""
    return _shrunk(crop, 24)


@_condition("small-16")
def _small_16(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face a third as large as the crop: 16 pixels of 48."""
    return _shrunk(crop, 16)


def _shrunk(crop: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Shrunk to ``side`` pixels of 48 by averaging, and enlarged again bilinearly."""
    size = crop.shape[0]
    less = max(1, round(size * side / _SIDE))
    small = cv2.resize(crop, (less, less), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


@_condition("blur")
def _blur(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Far out of focus: a Gaussian of 2 pixels of 48."""
    sigma = 2 * crop.shape[0] / _SIDE
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


@_condition("jpeg-20")
def _jpeg_20(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compressed as JPEG of quality 20 of 100, colours at half the resolution."""
    colour = crop.ndim == 3
    # OpenCV takes and gives blue first.
    bgr = np.ascontiguousarray(crop[:, :, ::-1]) if colour else crop
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 20])
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE)
    assert picture is not None, "OpenCV reads what it has written"
    return np.asarray(picture[:, :, ::-1] if colour else picture, np.uint8)


@_condition("noise")
def _noise(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A sensor in too little light: Gaussian noise of 12 gray levels in each pixel and channel."""
    # Seeded by the face too: each has noise of its own, and the same in whatever order faces come.
    random = np.random.default_rng([_SEED, zlib.crc32(crop.tobytes())])
    return _levels(crop + random.normal(0, 12, crop.shape))


@_condition("dark")
def _dark(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A dark picture: every gray level at a quarter."""
    return _levels(crop * 0.25)


def _levels(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


@_condition("tilt")
def _tilt(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Registered 15 degrees off: turned counterclockwise about the middle, the border repeated."""
    middle = (crop.shape[0] - 1) / 2
    return _moved(crop, cv2.getRotationMatrix2D((middle, middle), 15, 1))


@_condition("shift")
def _shift(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Registered off by 8 % of the side (3.8 pixels of 48), to the right and down, the border repeated."""
    distance = 0.08 * crop.shape[0]
    return _moved(crop, np.array([[1, 0, distance], [0, 1, distance]]))


def _moved(crop: NDArray[np.uint8], matrix: NDArray[Any]) -> NDArray[np.uint8]:
    """Resampled bilinearly by a (2, 3) map from the crop's pixels to the new ones."""
    size = (crop.shape[1], crop.shape[0])
    moved = cv2.warpAffine(crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
