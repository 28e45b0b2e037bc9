"""Walls, skies and rooms without anybody in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from benchmarks.tracking.photographs import Picture, example_places
from numpy.typing import NDArray

Size = tuple[int, int]
"""Width and height."""


def noise(size: Size, rng: np.random.Generator) -> Picture:
    """Blotches of all sizes, as plaster, foliage or carpet have them: as much in each octave."""
    width, height = size
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 9):
        cells = 2**octave
        small = (max(2, cells), max(2, round(cells * height / width)))
        grain = rng.normal(0, 1, (small[1], small[0], 3)).astype(np.float32)
        # Mostly gray, a little coloured.
        grain = 0.8 * grain[:, :, :1] + 0.2 * grain
        total += _stretched(grain, size) * 0.85**octave
    return whole(110 + 60 * total / total.std() * 0.6 + rng.uniform(-25, 25, 3))


def bricks(size: Size, rng: np.random.Generator) -> Picture:
    """A wall of bricks with mortar between, each of a slightly different colour."""
    width, height = size
    tall, long, gap = 26, 64, 4
    picture = np.full((height, width, 3), (168, 160, 150), np.float32)
    for row, top in enumerate(range(0, height, tall)):
        for left in range(-(long // 2) * (row % 2), width, long):
            colour = np.array([150, 78, 60]) * rng.uniform(0.75, 1.2) + rng.normal(0, 6, 3)
            picture[top + gap : top + tall, max(0, left + gap) : max(0, left + long)] = colour
    grain = cv2.GaussianBlur(rng.normal(0, 24, (height, width, 1)).astype(np.float32), (0, 0), 1.1)
    return whole(cv2.GaussianBlur(picture, (0, 0), 0.8) + grain[:, :, None])


def checker(size: Size, rng: np.random.Generator) -> Picture:
    """Tiles, light and dark in turn, lit from one side."""
    width, height = size
    tile = int(rng.integers(28, 60))
    across, along = np.meshgrid(np.arange(width), np.arange(height))
    dark = ((across // tile + along // tile) % 2).astype(np.float32)
    light = 1.1 - 0.4 * across / width
    return whole((205 - 140 * dark)[:, :, None] * light[:, :, None] * np.array([1.0, 0.97, 0.92]))


def sky(size: Size, rng: np.random.Generator) -> Picture:
    """Blue above, pale at the horizon, with clouds."""
    width, height = size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    blue = np.array([70, 120, 200]) * (1 - down) + np.array([205, 220, 235]) * down
    clouds = np.zeros((height, width), np.float32)
    for cells in (3, 6, 12, 24):
        grain = rng.normal(0, 1, (cells, cells * 2)).astype(np.float32)
        clouds += _stretched(grain, size) / cells**0.8
    cover = np.clip(clouds / clouds.std() * 0.35 - 0.1, 0, 0.8)[:, :, None]
    return whole(blue * (1 - cover) + 245 * cover)


def shelves(size: Size, rng: np.random.Generator) -> Picture:
    """Books of many colours on boards: upright edges, round spots of light, much contrast."""
    width, height = size
    picture = np.full((height, width, 3), (46, 36, 30), np.float32)
    tall = height // 4
    for top in range(0, height, tall):
        left = 0
        while left < width:
            thick = int(rng.integers(6, 26))
            gap = int(rng.integers(tall // 10, tall // 3))
            colour = rng.uniform(30, 210) * rng.uniform(0.5, 1, 3)
            picture[top + gap : top + tall - 6, left : left + thick - 1] = colour
            picture[top + gap + 8 : top + gap + 12, left + 1 : left + thick - 2] = colour + 50
            left += thick
        picture[top + tall - 6 : top + tall] = (120, 84, 56)
    return whole(cv2.GaussianBlur(picture, (0, 0), 1.0))


def place(name: str, size: Size) -> Picture:
    """A photographed place that ships with the project (see ``example_places``), mirrored until it fills the size."""
    source = example_places()[name]
    height = size[1]
    source = np.asarray(cv2.resize(source, (max(8, source.shape[1] * height // source.shape[0]), height)), np.uint8)
    row = np.hstack([source, source[:, ::-1]])
    row = np.tile(row, (1, -(-size[0] // row.shape[1]), 1))[:, : size[0]]
    return np.ascontiguousarray(cv2.GaussianBlur(row, (0, 0), 1.5), np.uint8)


TEXTURES: dict[str, Callable[[Size, np.random.Generator], Picture]] = {
    "noise": noise,
    "bricks": bricks,
    "checker": checker,
    "sky": sky,
    "shelves": shelves,
}
PLACES = ("wood", "studio", "flag")


def background(name: str, size: Size, rng: np.random.Generator) -> Picture:
    """A texture or a place by its name."""
    return place(name, size) if name in PLACES else TEXTURES[name](size, rng)


def _stretched(grain: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(grain, size, interpolation=cv2.INTER_CUBIC), np.float32)


def whole(values: NDArray[Any] | cv2.Mat) -> Picture:
    """The nearest whole numbers from 0 to 255."""
    return np.asarray(np.clip(np.rint(np.asarray(values)), 0, 255), np.uint8)
