"""Draws an observation: a box round each face, its track and emotion, and a chart of the seven probabilities.

Text and marks stand on dark translucent ground and coloured lines between dark ones, so that they can be read on any
background; all sizes follow the picture's, so that they can be read at any resolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_batch.emotion.labels import EMOTIONS
from fer_batch.emotion.palette import COLOURS
from fer_batch.types import Face, Observation
from fer_batch.video.canvas import Patch, Pixels

_GROUND: Final = (16, 18, 22)
_GROUND_ALPHA: Final = 196
_WHITE: Final = (255, 255, 255)
_DIM: Final = (196, 200, 206)
_UNKNOWN: Final = (225, 225, 225)
"""Colour of a face that was not classified."""

_SMALLEST_TEXT: Final = 11
"""Pixels; below this the strokes of letters run together, however small the picture."""


@dataclass(frozen=True, slots=True)
class _Area:
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def meets(self, other: _Area) -> bool:
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def within(self, width: int, height: int) -> bool:
        return self.x >= 0 and self.y >= 0 and self.right <= width and self.bottom <= height


class Annotator:
    """Draws the observations of one recording, one after the other.

    It remembers on which side of a face its chart stood, so that charts do not jump about while faces move.
    """

    def __init__(self) -> None:
        self._sides: dict[int, str] = {}

    def annotate(self, observation: Observation, width: int, height: int) -> list[Patch]:
        """What to lay onto a picture of ``width`` x ``height`` pixels, in this order.

        The observation's positions must be pixels of that picture. A chart stands right or left of its face, else
        below or above it, where it covers no other face, label or chart; a face that leaves no room gets it inside when
        it is large, and none when it is small: its label still names the emotion.
        """
        em = text_size(width, height)
        placed = [(face, box) for face in observation if (box := _visible_box(face, width, height)) is not None]
        boxes = [box for _, box in placed]
        patches: list[Patch] = []
        tags: list[Patch] = []
        for face, box in placed:
            patches += _outline(box, face.emotion, em)
            tags.append(_tag_patch(face, box, (width, height), em, [_area(tag) for tag in tags], boxes))
        taken = boxes + [_area(tag) for tag in tags]
        sides: dict[int, str] = {}
        for face, box in placed:
            if face.probabilities is None:
                continue
            others = [area for area in taken if area is not box]
            found = _chart_place(box, others, (width, height), em, self._sides.get(face.track))
            if found is not None:
                sides[face.track], area = found
                taken.append(area)
                patches.append(Patch(area.x, area.y, _chart(face.probabilities, em)))
        self._sides = sides
        return patches + tags


def text_size(width: int, height: int) -> int:
    """Height of the text in pixels for a picture of that size; every other size is a multiple of it."""
    return max(_SMALLEST_TEXT, round(min(width, height) / 32))


def _area(patch: Patch) -> _Area:
    h, w = patch.rgba.shape[:2]
    return _Area(patch.x, patch.y, w, h)


def _visible_box(face: Face, width: int, height: int) -> _Area | None:
    """The part of the face's box inside the picture; None when there is nothing to see."""
    x, y, w, h = face.box
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    return _Area(left, top, right - left, bottom - top) if right - left > 2 and bottom - top > 2 else None


# ---- where things go ------------------------------------------------------------------------------------------------


def _chart_place(
    box: _Area, others: Sequence[_Area], picture: tuple[int, int], em: int, before: str | None
) -> tuple[str, _Area] | None:
    """Where the chart goes and the name of that place: the first that is free, the one it had before first of all."""
    places = _chart_places(box, _chart_size(em), picture, em)
    if before in places:
        # It stays while it touches nothing; a new place must have some air, or it would soon be left again.
        places = {before: places[before], **places}
    for name, area in places.items():
        air = 0 if name == before else em // 2
        spread = _Area(area.x - air, area.y, area.width + 2 * air, area.height)
        if area.within(*picture) and not any(spread.meets(other) for other in others):
            return name, area
    return None


def _chart_places(box: _Area, size: tuple[int, int], picture: tuple[int, int], em: int) -> dict[str, _Area]:
    """Places beside the box, best first; they may lie outside the picture."""
    w, h = size
    gap = em // 2
    lowest, rightmost = picture[1] - h, picture[0] - w
    top, bottom = min(box.y, lowest), max(0, min(box.bottom - h, lowest))
    left, right = min(box.x, rightmost), max(0, min(box.right - w, rightmost))
    after, before = box.right + gap, box.x - gap - w
    places = {
        "right": _Area(after, top, w, h),
        "left": _Area(before, top, w, h),
        "right, low": _Area(after, bottom, w, h),
        "left, low": _Area(before, bottom, w, h),
        "below": _Area(left, box.bottom + gap, w, h),
        "below, right": _Area(right, box.bottom + gap, w, h),
        "above": _Area(right, box.y - gap - h, w, h),
    }
    if w * h * 5 <= box.width * box.height:
        # A face that fills the picture: a lower corner hides the least of it.
        places["inside"] = _Area(box.right - w - gap, box.bottom - h - gap, w, h)
    return places


def _tag_patch(
    face: Face, box: _Area, picture: tuple[int, int], em: int, tags: Sequence[_Area], boxes: Sequence[_Area]
) -> Patch:
    """The face's label: above its box, else below, else inside.

    Where it would cover another face or label the probability is left out; it covers another face rather than a label,
    and a label only when nothing else is left.
    """
    words = _tag_words(face)
    whole = _tag(words, face.emotion, em, picture[0])
    others = [other for other in boxes if other is not box]
    choices = [
        (whole, [*tags, *others]),
        (_tag(words[:2], face.emotion, em, picture[0]), [*tags, *others]),
        (whole, tags),
    ]
    for rgba, obstacles in choices:
        for area in _tag_places(box, rgba, picture, em):
            if not any(area.meets(obstacle) for obstacle in obstacles):
                return Patch(area.x, area.y, rgba)
    area = next(_tag_places(box, whole, picture, em))
    return Patch(area.x, area.y, whole)


def _tag_places(box: _Area, rgba: Pixels, picture: tuple[int, int], em: int) -> Iterator[_Area]:
    """Places inside the picture, best first, at least one."""
    h, w = rgba.shape[:2]
    lowest, rightmost = picture[1] - h, picture[0] - w
    for top in (box.y - h - 1, box.bottom + 1, box.y + em // 3, box.bottom - h - em // 3):
        for left in (box.x, box.right - w):
            if 0 <= top <= lowest:
                yield _Area(max(0, min(left, rightmost)), top, w, h)
    yield _Area(max(0, min(box.x, rightmost)), max(0, min(box.y, lowest)), w, h)


def _tag_words(face: Face) -> tuple[str, ...]:
    number = f"#{face.track}" if face.track else "face"
    if face.probabilities is None:
        return (number,)
    return (number, EMOTIONS[int(face.probabilities.argmax())], f"{round(100 * float(face.probabilities.max()))}%")


# ---- what they look like --------------------------------------------------------------------------------------------


def _outline(box: _Area, emotion: str | None, em: int) -> list[Patch]:
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
def _tag(words: tuple[str, ...], emotion: str | None, em: int, width: int) -> Pixels:
    """The label: a dot in the emotion's colour and the words; the last ones are left out where ``width`` is short."""
    pad, dot = round(em * 0.45), round(em * 0.62)
    # Drawn word by word: at small sizes the font's own space is rounded to almost nothing.
    space = round(em * 0.3)
    letters = [_text(word, em) for word in words]
    height = letters[0].shape[0] + 2 * max(1, em // 8)
    total = pad + dot + sum(space + word.shape[1] for word in letters) + pad
    if total > width and len(words) > 1:
        return _tag(words[:-1], emotion, em, width)
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
    text = max(_SMALLEST_TEXT - 1, round(em * 0.88))
    names = max(_text(name, text).shape[1] for name in EMOTIONS)
    pad = round(em * 0.5)
    return _ChartLayout(
        pad, round(text * 1.25), text, pad + names + round(em * 0.5), round(em * 4.2), max(3, round(em * 0.5))
    )


def _chart_size(em: int) -> tuple[int, int]:
    layout = _chart_layout(em)
    return layout.bars_x + layout.bars_width + layout.pad, 2 * layout.pad + len(EMOTIONS) * layout.row


@lru_cache(maxsize=16)
def _chart_blank(em: int) -> Pixels:
    """The chart without its bars."""
    layout = _chart_layout(em)
    width, height = _chart_size(em)
    rgba = _ground(width, height, round(em * 0.4))
    groove = np.full((layout.bar_height, layout.bars_width), 36, np.uint8)
    for i, name in enumerate(EMOTIONS):
        _paint_name(rgba, name, i, layout, _DIM)
        _paint(rgba, groove, _WHITE, layout.bars_x, layout.bar_top(i))
    rgba.flags.writeable = False
    return rgba


def _chart(probabilities: NDArray[np.float32], em: int) -> Pixels:
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
