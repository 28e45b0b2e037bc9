"""Heads cut out of photographs, and where in them a face detector sees the face."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from benchmarks.tracking.backgrounds import background
from benchmarks.tracking.photographs import Photograph, Picture
from numpy.typing import NDArray

from fer_batch.types import Faces

Detect = Callable[[Picture], Faces]
"""Finds the faces of a picture."""
Pixels = NDArray[np.float32]
"""(H, W, 4) RGB from 0 to 255, multiplied by the opacity, and the opacity from 0 to 1."""

_HEAD = (0.59, 0.7, 0.71)
"""How far the head reaches from the centre of its box to either side, up and down, in heights of the box."""
_SOFT = 0.09
"""Share of the head's outline over which it fades."""
_SQUARENESS = 2.4
"""Exponent of the outline: 2 is an ellipse, more is fuller at the corners."""
_TRIAL_SIZE = (640, 360)
_TRIAL_HEIGHTS = (140.0, 170.0, 220.0)
_TRIAL_PLACES = ((0.35, 0.45), (0.5, 0.5), (0.62, 0.55))
_TRIAL_GROUNDS = ("studio", "bricks", "wood")
"""Heights, places and the grounds behind them at which a detector is asked where it sees the face."""
_AGREEMENT = 0.7
"""Least overlap of its answers with their median."""
_SURE = 0.85
"""Least confidence in the photograph: a face of which a hand or a racket hides half has less."""
_SMALLEST = 70
"""Least height in pixels of a face that is worth being cut out."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A picture with soft edges that can be drawn at any size."""

    identity: str
    levels: tuple[Pixels, ...]
    """The picture and its halvings, each half as large as the one before."""
    box: tuple[float, float, float, float]
    """The face in pixels of the first level: x, y, width, height as the detector would say; the whole of a thing."""
    fill: float
    """Mean opacity inside the box."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first level."""
        return self.levels[0].shape[1], self.levels[0].shape[0]


def cutout_of(identity: str, pixels: Pixels, box: tuple[float, float, float, float]) -> Cutout:
    """The picture with its halvings."""
    levels = [pixels]
    while min(levels[-1].shape[:2]) >= 16:
        # An even number of rows and columns, so that a halving stays exactly in its place.
        height, width = (side - side % 2 for side in levels[-1].shape[:2])
        half = cv2.resize(levels[-1][:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.float32))
    x, y, width, height = (round(value) for value in box)
    inside = pixels[max(0, y) : y + height, max(0, x) : x + width, 3]
    return Cutout(identity, tuple(levels), box, float(inside.sum() / max(1, width * height)))


def thing(picture: Picture) -> Cutout:
    """An opaque rectangle, to hide faces behind."""
    height, width = picture.shape[:2]
    pixels = np.dstack([picture.astype(np.float32), np.ones((height, width), np.float32)])
    return cutout_of("", pixels, (0.0, 0.0, float(width), float(height)))


def head(photograph: Photograph, detect: Detect) -> Cutout | None:
    """The head that a photograph shows, or None where the detector is not sure of one large face in it.

    Args:
        photograph: of one person.
        detect: tells where the face is.
    """
    faces = detect(photograph.rgb)
    if not len(faces) or faces.scores[0] < _SURE or faces.boxes[0, 3] < _SMALLEST:
        return None
    box = faces.boxes[0]
    pixels, (left, top) = _soft(photograph.rgb, box)
    x, y, width, height = (float(value) for value in box)
    return cutout_of(photograph.identity, pixels, (x - left, y - top, width, height))


def calibrated(cutout: Cutout, detect: Detect) -> Cutout | None:
    """The cutout with the box that a detector gives its face, or None where that is not always about the same.

    The detector looks at the cutout standing still, larger and smaller, here and there, before different grounds.
    """
    trials = [
        (height, place, ground)
        for height in _TRIAL_HEIGHTS
        for place, ground in zip(_TRIAL_PLACES, _grounds(), strict=True)
    ]
    answers = [answer for trial in trials if (answer := _answer(cutout, *trial, detect)) is not None]
    if len(answers) < len(trials):
        return None
    middle = np.median(np.stack(answers), axis=0)
    if min(overlap(answer, middle) for answer in answers) < _AGREEMENT:
        return None
    x, y, width, height = (float(value) for value in middle)
    return cutout_of(cutout.identity, cutout.levels[0], (x, y, width, height))


def cast(photographs: Iterable[Photograph], count: int, cutter: Detect, judge: Detect | None = None) -> list[Cutout]:
    """Heads of the first people whose photographs suit.

    Args:
        photographs: one a person.
        count: people wanted; fewer come out when no more suit.
        cutter: the detector that heads are cut out by: with the same one the pictures are the same.
        judge: the detector whose boxes are the truth; None for the cutter.
    """
    found: list[Cutout] = []
    for photograph in photographs:
        if len(found) == count:
            break
        raw = head(photograph, cutter)
        final = None if raw is None else calibrated(raw, judge or cutter)
        if final is not None:
            found.append(final)
    return found


def draw(
    canvas: Picture, cutout: Cutout, x: float, y: float, height: float
) -> tuple[tuple[int, int, int, int], NDArray[np.float32]]:
    """Draws the cutout with the centre of its box at a place.

    Args:
        canvas: drawn on.
        cutout: what.
        x: of the centre, in pixels of the canvas.
        y: likewise.
        height: of the box, in pixels of the canvas.

    Returns:
        The rectangle that was drawn on (left, top, right, bottom; empty when all is outside) and the opacity in it.
    """
    scale = height / cutout.box[3]
    left = x - scale * (cutout.box[0] + cutout.box[2] / 2)
    top = y - scale * (cutout.box[1] + cutout.box[3] / 2)
    width, tall = (side * scale for side in cutout.size)
    area = (
        max(0, int(np.floor(left))),
        max(0, int(np.floor(top))),
        min(canvas.shape[1], int(np.ceil(left + width)) + 1),
        min(canvas.shape[0], int(np.ceil(top + tall)) + 1),
    )
    if area[0] >= area[2] or area[1] >= area[3]:
        return (0, 0, 0, 0), np.zeros((0, 0), np.float32)
    level = min(len(cutout.levels) - 1, max(0, int(np.floor(np.log2(1 / scale) + 1e-9)))) if scale < 1 else 0
    grows = scale * 2**level
    # Pixel centres sit at whole numbers: centre i of the level lies at (i + 0.5) * grows - 0.5 of what is drawn.
    matrix = np.array(
        [[grows, 0, left - area[0] + grows / 2 - 0.5], [0, grows, top - area[1] + grows / 2 - 0.5]], np.float64
    )
    size = (area[2] - area[0], area[3] - area[1])
    warped = cv2.warpAffine(
        cutout.levels[level], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0.0,)
    )
    patch = np.asarray(warped, np.float32)
    opacity = np.ascontiguousarray(patch[:, :, 3])
    below = canvas[area[1] : area[3], area[0] : area[2]]
    mixed = below * (1 - opacity[:, :, None]) + patch[:, :, :3]
    below[:] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return area, opacity


def overlap(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    shared = float(np.clip(np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod())
    return shared / max(1e-9, float(a[2:].prod() + b[2:].prod()) - shared)


def _soft(rgb: Picture, box: NDArray[np.float32]) -> tuple[Pixels, tuple[int, int]]:
    """The head inside a soft outline, which ends where the photograph ends, and the place of its upper left corner."""
    height, width = rgb.shape[:2]
    x, y = float(box[0] + box[2] / 2), float(box[1] + box[3] / 2)
    side, up, down = (share * float(box[3]) for share in _HEAD)
    reach = (min(side, x), min(side, width - x), min(up, y), min(down, height - y))
    left, right = int(np.ceil(x - reach[0])), int(np.floor(x + reach[1]))
    top, bottom = int(np.ceil(y - reach[2])), int(np.floor(y + reach[3]))
    across = np.arange(left, right) + 0.5 - x
    along = np.arange(top, bottom) + 0.5 - y
    across = np.abs(across / np.where(across < 0, reach[0], reach[1]))
    along = np.abs(along / np.where(along < 0, reach[2], reach[3]))
    distance = (across[None] ** _SQUARENESS + along[:, None] ** _SQUARENESS) ** (1 / _SQUARENESS)
    opacity = np.clip((1 - distance) / _SOFT, 0, 1)
    opacity = (opacity * opacity * (3 - 2 * opacity)).astype(np.float32)
    picture = rgb[top:bottom, left:right].astype(np.float32) * opacity[:, :, None]
    return np.dstack([picture, opacity]), (left, top)


@cache
def _grounds() -> tuple[Picture, ...]:
    return tuple(background(name, _TRIAL_SIZE, np.random.default_rng(1)) for name in _TRIAL_GROUNDS)


def _answer(
    cutout: Cutout, height: float, place: tuple[float, float], ground: Picture, detect: Detect
) -> NDArray[np.float64] | None:
    """Where the detector sees the face of a still cutout, in pixels of the cutout; None where it does not."""
    x, y = place[0] * _TRIAL_SIZE[0], place[1] * _TRIAL_SIZE[1]
    canvas = ground.copy()
    draw(canvas, cutout, x, y, height)
    faces = detect(canvas)
    scale = height / cutout.box[3]
    box = cutout.box
    drawn = np.array([x - box[2] * scale / 2, y - height / 2, box[2] * scale, height])
    for found in faces.boxes:
        if overlap(found, drawn) > 0.3:
            moved = (found[:2] - drawn[:2]) / scale + box[:2]
            return np.concatenate([moved, found[2:] / scale]).astype(np.float64)
    return None
