"""What marks look like: the small pictures of boxes, labels and charts, kept once made.

``em`` is the height of the text in pixels, to which every other size is in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_batch.annotation.canvas import Patch, Pixels, Rect
from fer_batch.emotions import COLOURS, EMOTIONS

_GROUND: Final = (16, 18, 22)
_GROUND_ALPHA: Final = 196
_WHITE: Final = (255, 255, 255)
_DIM: Final = (196, 200, 206)
_UNKNOWN: Final = (225, 225, 225)
"""Colour of a face that was not classified."""

SMALLEST_TEXT: Final = 11
"""Pixels; below this the strokes of letters run together, however small the picture."""


def outline(box: Rect, emotion: str | None, em: int) -> list[Patch]:
    """The box as eight patches, four sides and four round corners: nothing inside it has to be blended."""
    profile = _profile(emotion, em)
    thick = len(profile)
    corner = _corner(emotion, em)
    r = len(corner)
    if min(box.width, box.height) < 2 * r:
        corner, r = np.repeat(profile[:, None], thick, axis=1), thick
        if min(box.width, box.height) < 2 * r:
            return [Patch(box.x, box.y, np.full((box.height, box.width, 4), (*_colour(emotion), 255), np.uint8))]
    across = np.repeat(profile[:, None], box.width - 2 * r, axis=1)
    down = np.repeat(profile[None], box.height - 2 * r, axis=0)
    right, bottom = box.right, box.bottom
    return [
        Patch(box.x + r, box.y, across),
        Patch(box.x + r, bottom - thick, across[::-1].copy()),
        Patch(box.x, box.y + r, down),
        Patch(right - thick, box.y + r, down[:, ::-1].copy()),
        Patch(box.x, box.y, corner),
        Patch(right - r, box.y, corner[:, ::-1].copy()),
        Patch(box.x, bottom - r, corner[::-1].copy()),
        Patch(right - r, bottom - r, corner[::-1, ::-1].copy()),
    ]


def _widths(em: int) -> tuple[int, int]:
    """Thickness of the box's dark edge lines and of the coloured line between them."""
    return max(1, round(em / 14)), max(2, round(em / 6))


def _colour(emotion: str | None) -> tuple[int, int, int]:
    return _UNKNOWN if emotion is None else COLOURS[emotion]


@lru_cache(maxsize=64)
def _profile(emotion: str | None, em: int) -> Pixels:
    """(n, 4) across the box's line from the outside in."""
    edge, line = _widths(em)
    dark = (*(c * 170 // 255 for c in _GROUND), 170)
    return np.array([dark] * edge + [(*_colour(emotion), 255)] * line + [dark] * edge, np.uint8)


@lru_cache(maxsize=64)
def _corner(emotion: str | None, em: int) -> Pixels:
    """(r, r, 4) the upper left corner, a quarter of a ring."""
    edge, line = _widths(em)
    thick = 2 * edge + line
    radius = thick + max(2, round(em / 3))
    away = radius - (np.arange(radius) + 0.5)
    depth = radius - np.hypot(away[:, None], away[None])
    """Pixels inwards from the outer rim."""
    ring = _band(depth, 0, thick)
    bright = _band(depth, edge, edge + line)
    dark = ring * 170 / 255 * (1 - bright)
    alpha = dark + bright
    colour = dark[..., None] * np.array(_GROUND) + bright[..., None] * np.array(_colour(emotion))
    corner: Pixels = np.rint(np.dstack([colour, alpha * 255])).astype(np.uint8)
    return corner


def _band(depth: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """How much of each pixel lies between two depths, 0 to 1."""
    return np.clip(depth - start + 0.5, 0, 1) * np.clip(end - depth + 0.5, 0, 1)


@lru_cache(maxsize=256)
def tag(words: tuple[str, ...], emotion: str | None, em: int, width: int) -> Pixels:
    """The label: a dot in the emotion's colour and the words; the last ones are left out where ``width`` is short."""
    pad, dot = round(em * 0.45), round(em * 0.62)
    # Drawn word by word: at small sizes the font's own space is rounded to almost nothing.
    space = round(em * 0.3)
    letters = [_text(word, em) for word in words]
    height = letters[0].shape[0] + 2 * max(1, em // 8)
    total = pad + dot + sum(space + word.shape[1] for word in letters) + pad
    if total > width and len(words) > 1:
        return tag(words[:-1], emotion, em, width)
    rgba: Pixels = _ground(total, height, round(em * 0.3))
    _paint(rgba, _disc(dot), _colour(emotion), pad, (height - dot) // 2)
    x = pad + dot
    for word in letters:
        _paint(rgba, word, _WHITE, x + space, (height - word.shape[0]) // 2)
        x += space + word.shape[1]
    return rgba


@dataclass(frozen=True, slots=True)
class _ChartLayout:
    """Measures of a chart in pixels."""

    pad: int
    row: int
    """Height of a row."""
    text: int
    bars_x: int
    bars_width: int
    bar_height: int

    def bar_top(self, row: int) -> int:
        return self.pad + row * self.row + (self.row - self.bar_height) // 2


@lru_cache(maxsize=16)
def _chart_layout(em: int) -> _ChartLayout:
    text = max(SMALLEST_TEXT - 1, round(em * 0.88))
    names = max(_text(name, text).shape[1] for name in EMOTIONS)
    pad = round(em * 0.5)
    return _ChartLayout(
        pad, round(text * 1.25), text, pad + names + round(em * 0.5), round(em * 4.2), max(3, round(em * 0.5))
    )


def chart_size(em: int) -> tuple[int, int]:
    """Width and height of a chart in pixels."""
    layout = _chart_layout(em)
    return layout.bars_x + layout.bars_width + layout.pad, 2 * layout.pad + len(EMOTIONS) * layout.row


@lru_cache(maxsize=16)
def _chart_blank(em: int) -> Pixels:
    """The chart without its bars."""
    layout = _chart_layout(em)
    width, height = chart_size(em)
    rgba = _ground(width, height, round(em * 0.4))
    groove = np.full((layout.bar_height, layout.bars_width), 36, np.uint8)
    for i, name in enumerate(EMOTIONS):
        _paint_name(rgba, name, i, layout, _DIM)
        _paint(rgba, groove, _WHITE, layout.bars_x, layout.bar_top(i))
    rgba.flags.writeable = False
    return rgba


def chart(probabilities: NDArray[np.float32], em: int) -> Pixels:
    """One bar an emotion, the name of the most probable one bright."""
    rgba = _chart_blank(em).copy()
    layout = _chart_layout(em)
    for i, name in enumerate(EMOTIONS):
        length = round(float(np.clip(probabilities[i], 0, 1)) * layout.bars_width)
        top = layout.bar_top(i)
        rgba[top : top + layout.bar_height, layout.bars_x : layout.bars_x + length] = (*COLOURS[name], 255)
    best = int(probabilities.argmax())
    _paint_name(rgba, EMOTIONS[best], best, layout, _WHITE)
    return rgba


def _paint_name(rgba: Pixels, name: str, row: int, layout: _ChartLayout, colour: tuple[int, int, int]) -> None:
    letters = _text(name, layout.text)
    _paint(rgba, letters, colour, layout.pad, layout.pad + row * layout.row + (layout.row - letters.shape[0]) // 2)


def _ground(width: int, height: int, radius: int) -> Pixels:
    """(height, width, 4) dark translucent ground with round corners."""
    rgba = np.zeros((height, width, 4), np.uint8)
    mask = np.full((height, width), _GROUND_ALPHA, np.uint8)
    radius = max(1, min(radius, height // 2, width // 2))
    quarter = np.rint(_disc(2 * radius)[:radius, :radius] * (_GROUND_ALPHA / 255)).astype(np.uint8)
    mask[:radius, :radius] = quarter
    mask[:radius, -radius:] = quarter[:, ::-1]
    mask[-radius:, :radius] = quarter[::-1]
    mask[-radius:, -radius:] = quarter[::-1, ::-1]
    _paint(rgba, mask, _GROUND, 0, 0)
    return rgba


@lru_cache(maxsize=64)
def _disc(diameter: int) -> Pixels:
    """(d, d) coverage of a disc, 0 to 255."""
    away = np.arange(diameter) + 0.5 - diameter / 2
    covered = np.clip(diameter / 2 - np.hypot(away[:, None], away[None]) + 0.5, 0, 1)
    disc: Pixels = np.rint(255 * covered).astype(np.uint8)
    return disc


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=512)
def _text(text: str, size: int) -> Pixels:
    """(h, w) coverage of a line of text, 0 to 255; every text of a size has the same height and base line."""
    font = _font(size)
    ascent, descent = round(size * 0.95), round(size * 0.28)
    image = Image.new("L", (max(1, round(font.getlength(text)) + 1), ascent + descent))
    ImageDraw.Draw(image).text((0, ascent), text, fill=255, font=font, anchor="ls")
    return np.asarray(image)


def _paint(rgba: Pixels, mask: Pixels, colour: tuple[int, int, int], x: int, y: int) -> None:
    """Lays a colour over part of a premultiplied picture, as opaque as the (h, w) mask says; must fit inside."""
    h, w = mask.shape
    part = rgba[y : y + h, x : x + w]
    share = mask[..., None].astype(np.float32) / 255
    part[:] = np.rint(part * (1 - share) + np.array([*colour, 255], np.float32) * share)
