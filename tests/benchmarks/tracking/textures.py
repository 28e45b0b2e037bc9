"""Grounds full of detail and without faces: foliage, crowds of things, lettering, metal parts, grass and gravel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from benchmarks.tracking.backgrounds import Size, bricks, noise, sky, whole
from benchmarks.tracking.photographs import Picture
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[float, float, float]

_WORDS = (
    "OO", "80", "Coffee", "Boo!", "Eyes", "more", "00:08", "BOOK", "DOOR", "o_O", "Opening", "Hours", "Mo-Fr", "8:00",
    "100%", "@home", "COOL", "WOOD", "888", "Q&A",
)  # fmt: skip
"""With round letters, which look like eyes."""


def foliage(size: Size, rng: np.random.Generator) -> Picture:
    """Leaves before darkness, light from above: spots of all sizes."""
    width, height = size
    picture = np.asarray(noise(size, rng) * np.array([0.35, 0.5, 0.25]), np.uint8)
    for _ in range(width * height // 500):
        centre = _place(size, rng)
        axes = tuple((rng.uniform(3, 22) * np.array([1, rng.uniform(0.25, 0.7)])).astype(int).tolist())
        colour = _lit(np.array([70, 120, 45]) * rng.uniform(0.2, 1.7) + rng.normal(0, 12, 3))
        cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    return picture


def lawn(size: Size, rng: np.random.Generator) -> Picture:
    """Blades of grass in every direction but down."""
    picture = np.asarray(noise(size, rng) * np.array([0.4, 0.55, 0.3]), np.uint8)
    for _ in range(size[0] * size[1] // 160):
        x, y = _place(size, rng)
        lean, tall = rng.normal(0, 9), rng.uniform(10, 34)
        colour = _lit(np.array([95, 135, 60]) * rng.uniform(0.35, 1.6))
        cv2.line(picture, (x, y), (round(x + lean), round(y - tall)), colour, int(rng.integers(1, 3)), cv2.LINE_AA)
    return picture


def gravel(size: Size, rng: np.random.Generator) -> Picture:
    """Stones of all sizes with light above and shade below, the small ones on top."""
    picture = noise(size, rng) // 3
    for radius in np.sort(rng.pareto(1.6, size[0] * size[1] // 420) * 5 + 4)[::-1].clip(4, 45).tolist():
        corners = rng.uniform(0.7, 1.1, 9) * radius
        angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        outline = np.stack([corners * np.cos(angles), 0.8 * corners * np.sin(angles)], 1)
        centre = np.array(_place(size, rng))
        colour = np.full(3, rng.uniform(60, 210)) + rng.normal(0, 8, 3)
        for lower, bright in ((0.14, 0.35), (0.0, 1.0), (-0.2, 1.2)):
            scale = 1.0 if bright <= 1 else 0.55
            points = np.rint(centre + (0, lower * radius) + scale * outline).astype(np.int32)
            cv2.fillPoly(picture, [points], _lit(colour * bright), cv2.LINE_AA)
    return _grained(picture, 9, rng)


def bottles(size: Size, rng: np.random.Generator) -> Picture:
    """Rows of bottles with labels: upright, symmetrical, as high as heads and shoulders."""
    picture = _shade(size, rng)
    tall = int(rng.integers(130, 210))
    for top in range(0, size[1], round(tall * 1.08)):
        kinds = rng.uniform(20, 190, (4, 3)), rng.uniform(90, 250, (4, 3))
        for left in range(0, size[0], round(tall * 0.42)):
            kind = int(rng.integers(0, 4))
            wide, x, bottom = round(tall * 0.34), left + round(tall * 0.21), top + tall
            glass, label = kinds[0][kind], kinds[1][kind]
            _upright(picture, x, bottom - round(tall * 0.62), bottom, wide, glass)
            cv2.ellipse(
                picture, (x, bottom - round(tall * 0.62)), (wide // 2, round(tall * 0.14)), 0, 180, 360, _lit(glass), -1
            )
            _upright(picture, x, top, bottom - round(tall * 0.6), round(wide * 0.36), glass)
            _upright(picture, x, top, top + round(tall * 0.07), round(wide * 0.44), label)
            _upright(picture, x, bottom - round(tall * 0.46), bottom - round(tall * 0.14), wide, label)
            for row in (0.4, 0.3):
                y = bottom - round(tall * row)
                cv2.putText(
                    picture,
                    "oOo",
                    (x - wide // 3, y + 6),
                    cv2.FONT_HERSHEY_DUPLEX,
                    wide / 110,
                    _lit(glass),
                    1,
                    cv2.LINE_AA,
                )
    return _grained(picture, 4, rng)


def coins(size: Size, rng: np.random.Generator) -> Picture:
    """Coins on cloth: round, with a raised rim and a worn relief."""
    picture = noise(size, rng) // 2
    for centre, radius in _crowd(size, rng, 16, 52):
        metal = np.array([(200, 165, 90), (190, 190, 195), (170, 105, 70)][int(rng.integers(3))]) * rng.uniform(
            0.7, 1.1
        )
        relief = cv2.GaussianBlur(rng.normal(0, 1, (2 * radius, 2 * radius)).astype(np.float32), (0, 0), radius / 9)
        relief = np.asarray(relief - np.roll(relief, (2, 2), (0, 1)))
        _stamp(picture, centre, radius, metal * (1 + 0.22 * relief / relief.std())[:, :, None])
        cv2.circle(picture, centre, radius, _lit(metal * 1.25), 2, cv2.LINE_AA)
        cv2.circle(picture, centre, round(radius * 0.86), _lit(metal * 0.6), 1, cv2.LINE_AA)
    return _grained(picture, 4, rng)


def plates(size: Size, rng: np.random.Generator) -> Picture:
    """A table of plates seen from one side, with cutlery and round morsels on them."""
    picture = np.asarray(bricks(size, rng) // 2 + 60, np.uint8)
    for (x, y), radius in _crowd(size, rng, 40, 90):
        china = rng.uniform(180, 250) * np.array([1, 0.98, 0.95])
        for share, bright in ((1.0, 0.75), (0.96, 1.0), (0.68, 0.85), (0.65, 0.97)):
            axes = round(radius * share), round(radius * share * 0.8)
            cv2.ellipse(picture, (x, y), axes, 0, 0, 360, _lit(china * bright), -1, cv2.LINE_AA)
        for _ in range(int(rng.integers(2, 6))):
            at = (np.array([x, y]) + rng.normal(0, radius * 0.25, 2)).astype(int).tolist()
            food = _lit(rng.uniform(20, 200, 3))
            cv2.ellipse(picture, at, (radius // 7, radius // 9), rng.uniform(0, 180), 0, 360, food, -1, cv2.LINE_AA)
        cv2.line(picture, (x + radius + 8, y - radius // 2), (x + radius + 8, y + radius // 2), (190, 190, 195), 3)
    return _grained(picture, 4, rng)


def buttons(size: Size, rng: np.random.Generator) -> Picture:
    """Buttons with two or four holes, which look more like faces than anything else that is not one."""
    picture = np.asarray(noise(size, rng) // 2 + 40, np.uint8)
    for (x, y), radius in _crowd(size, rng, 14, 48):
        colour = rng.uniform(40, 240, 3)
        cv2.circle(picture, (x + 2, y + 3), radius, _lit(colour * 0.25), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), radius, _lit(colour), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), round(radius * 0.78), _lit(colour * 0.7), 2, cv2.LINE_AA)
        turn, count = rng.uniform(0, np.pi), int(rng.choice((2, 4)))
        for hole in range(count):
            angle = turn + 2 * np.pi * hole / count
            at = round(x + 0.32 * radius * np.cos(angle)), round(y + 0.32 * radius * np.sin(angle))
            cv2.circle(picture, at, max(2, radius // 9), (25, 22, 20), -1, cv2.LINE_AA)
    return _grained(picture, 4, rng)


def lettering(size: Size, rng: np.random.Generator) -> Picture:
    """Signs and posters: words of many sizes and colours, some white on dark."""
    return _written(_patched(size, rng), rng, size[0] * size[1] // 5500, 255)


def print_(size: Size, rng: np.random.Generator) -> Picture:
    """A printed page in columns, slightly yellow and unevenly lit."""
    page = Image.new("RGB", size, (244, 240, 228))
    pen = ImageDraw.Draw(page)
    font = _font(int(rng.integers(13, 22)))
    letters = list("eaoiutnsrhldcmfgpbvwyk   .,;:08")
    step = round(font.size * 1.3)
    for left in range(20, size[0] - 100, 330):
        for top in range(20, size[1] - 20, step):
            pen.text((left, top), "".join(rng.choice(letters, 300 // round(font.size * 0.6))), (35, 32, 30), font)
    light = np.linspace(1.0, rng.uniform(0.6, 0.9), size[0])[None, :, None]
    return _grained(whole(np.asarray(page) * light), 4, rng)


def watermark(size: Size, rng: np.random.Generator) -> Picture:
    """A sky with words half transparent over it, as in pictures of agencies."""
    return _written(sky(size, rng), rng, size[0] * size[1] // 16000, 90)


def metal(size: Size, rng: np.random.Generator) -> Picture:
    """Parts of an engine: plates, pipes, bolts and round covers with reflections."""
    picture = np.asarray(_patched(size, rng) // 3 + 30, np.uint8)
    for _ in range(size[0] * size[1] // 26000):
        x, y = _place(size, rng)
        wide, steel = int(rng.integers(14, 60)), np.full(3, rng.uniform(70, 190)) * np.array([0.98, 1, 1.03])
        if rng.random() < 0.5:
            _upright(picture, x, y, y + int(rng.integers(60, 260)), wide, steel)
        else:
            turned = np.ascontiguousarray(picture.transpose(1, 0, 2))
            _upright(turned, y, x, x + int(rng.integers(60, 260)), wide, steel)
            picture = np.ascontiguousarray(turned.transpose(1, 0, 2))
    for (x, y), radius in _crowd(size, rng, 12, 60, 9000):
        steel = np.full(3, rng.uniform(70, 200))
        across = np.linspace(-1, 1, 2 * radius)
        turned_light = 0.75 + 0.35 * np.cos(2 * np.arctan2(across[:, None], across[None]) + rng.uniform(0, 6))
        _stamp(picture, (x, y), radius, steel * turned_light[:, :, None])
        cv2.circle(picture, (x, y), radius, _lit(steel * 0.3), 2, cv2.LINE_AA)
        for number in range(bolts := int(rng.integers(3, 7))):
            angle = 2 * np.pi * number / bolts + 0.5
            at = round(x + 0.7 * radius * np.cos(angle)), round(y + 0.7 * radius * np.sin(angle))
            cv2.circle(picture, at, max(2, radius // 9), _lit(steel * 0.35), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), radius // 4, _lit(steel * 0.25), -1, cv2.LINE_AA)
    return _grained(picture, 4, rng)


DETAILED: dict[str, Callable[[Size, np.random.Generator], Picture]] = {
    "foliage": foliage,
    "lawn": lawn,
    "gravel": gravel,
    "bottles": bottles,
    "coins": coins,
    "plates": plates,
    "buttons": buttons,
    "lettering": lettering,
    "print": print_,
    "watermark": watermark,
    "metal": metal,
}


def _place(size: Size, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(0, size[0])), int(rng.integers(0, size[1]))


def _crowd(
    size: Size, rng: np.random.Generator, least: int, most: int, room: int = 3200
) -> Iterator[tuple[tuple[int, int], int]]:
    """Centres and radii of things that lie about, one for each ``room`` pixels."""
    for _ in range(size[0] * size[1] // room):
        yield _place(size, rng), int(rng.integers(least, most))


def _stamp(picture: Picture, centre: tuple[int, int], radius: int, pixels: NDArray[np.floating]) -> None:
    """Draw a square of pixels inside a circle."""
    left, top = centre[0] - radius, centre[1] - radius
    right, bottom = min(left + 2 * radius, picture.shape[1]), min(top + 2 * radius, picture.shape[0])
    x, y = max(0, left), max(0, top)
    part = picture[y:bottom, x:right]
    across = np.arange(x, right) - centre[0] + 0.5
    along = np.arange(y, bottom) - centre[1] + 0.5
    inside = np.hypot(across[None], along[:, None]) < radius
    part[inside] = whole(pixels[y - top : bottom - top, x - left : right - left])[inside]


def _upright(picture: Picture, x: int, top: int, bottom: int, wide: int, colour: NDArray[np.floating]) -> None:
    """Draw a cylinder, lit from the left, around a column of the picture."""
    left, right = max(0, x - wide // 2), min(picture.shape[1], x + wide // 2)
    if left >= right:
        return
    across = (np.arange(left, right) - x) / max(1, wide / 2)
    light = 0.45 + 0.6 * np.exp(-(((across + 0.4) / 0.35) ** 2)) + 0.25 * (1 - across**2)
    picture[max(0, top) : max(0, bottom), left:right] = whole(colour * light[:, None])[None]


def _patched(size: Size, rng: np.random.Generator) -> Picture:
    """Rectangles of many colours."""
    picture = noise(size, rng)
    for _ in range(size[0] * size[1] // 20000):
        x, y = _place(size, rng)
        corner = x + int(rng.integers(60, 320)), y + int(rng.integers(40, 200))
        cv2.rectangle(picture, (x, y), corner, _lit(rng.uniform(0, 255, 3)), -1)
    return picture


def _written(ground: Picture, rng: np.random.Generator, count: int, opacity: int) -> Picture:
    page = Image.fromarray(ground).convert("RGBA")
    layer = Image.new("RGBA", page.size, (255, 255, 255, 0))
    pen = ImageDraw.Draw(layer)
    for _ in range(count):
        at, text = _place(page.size, rng), str(rng.choice(_WORDS))
        light = 255 if opacity < 255 else int(rng.choice((10, 245)))
        pen.text((at[0] - 60, at[1] - 20), text, (light, light, light, opacity), _font(int(rng.integers(14, 80))))
    return np.array(Image.alpha_composite(page, layer).convert("RGB"), np.uint8)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf", size)


def _shade(size: Size, rng: np.random.Generator) -> Picture:
    down = np.linspace(rng.uniform(20, 90), rng.uniform(40, 160), size[1])[:, None, None]
    return whole(np.broadcast_to(down * np.array([1.0, 0.95, 0.85]), (size[1], size[0], 3)))


def _grained(picture: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    return whole(picture + rng.normal(0, deviation, (*picture.shape[:2], 1)))


def _lit(colour: NDArray[np.floating]) -> Colour:
    red, green, blue = np.clip(colour, 0, 255).tolist()
    return red, green, blue
