"""Canvases for translucent sprites: RGB for photographs, YUV 4:2:0 for what the encoder takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from fer_batch.video.frame import Frame

Pixels: TypeAlias = NDArray[np.uint8]

_FULL_RANGE_FORMATS: Final = frozenset({"yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p"})


@dataclass(frozen=True, slots=True)
class Patch:
    """A small picture and where its upper left corner goes; what lies beyond the canvas is cut off."""

    x: int
    y: int
    rgba: Pixels
    """(h, w, 4), colours already multiplied by alpha."""


def lay_onto_rgb(picture: Pixels, patches: Iterable[Patch]) -> None:
    """Lays the patches onto a writable (H, W, 3) RGB picture, later ones over earlier ones."""
    for patch in patches:
        cut = _within(patch, picture.shape[1], picture.shape[0])
        if cut is not None:
            h, w = cut.rgba.shape[:2]
            target = picture[cut.y : cut.y + h, cut.x : cut.x + w]
            alpha = cv2.cvtColor(cut.rgba[:, :, 3], cv2.COLOR_GRAY2RGB)
            _over(target, np.ascontiguousarray(cut.rgba[:, :, :3]), np.asarray(alpha, np.uint8))


class Yuv420Canvas:
    """A picture of constant size in limited-range YUV 4:2:0, held in the one buffer that goes to the encoder.

    Patches are laid onto the planes themselves, so a pixel that nothing covers reaches the encoder as it was decoded,
    without a way through RGB.
    """

    def __init__(self, width: int, height: int, *, bt709: bool) -> None:
        """Holds pictures of ``width`` x ``height``, shown pixels.

        4:2:0 needs even sides: an odd width or height is made even by repeating the last column or row.

        Args:
            width: of the picture, before padding.
            height: of the picture, before padding.
            bt709: whether colours follow BT.709 (high definition) and not BT.601.
        """
        self.shown = (width, height)
        self.width, self.height = width + width % 2, height + height % 2
        luma = self.width * self.height
        self.buffer: Pixels = np.zeros(luma * 3 // 2, np.uint8)
        """All three planes, one after the other without gaps: rawvideo's yuv420p."""
        half = (self.height // 2, self.width // 2)
        self._luma = self.buffer[:luma].reshape(self.height, self.width)
        self._chroma = tuple(self.buffer[luma:].reshape(2, *half))
        self._to_yuva = _yuva_matrix(*((0.2126, 0.0722) if bt709 else (0.299, 0.114)))

    def load(self, frame: Frame) -> None:
        """Takes the frame's picture as displayed; one of another size is scaled."""
        picture, display = frame.picture, frame.display
        width, height = self.shown
        stored = (height, width) if display.turns % 2 else (width, height)
        full_range = picture.format.name in _FULL_RANGE_FORMATS or picture.color_range == ColorRange.JPEG
        if picture.format.name != "yuv420p" or (picture.width, picture.height) != stored or full_range:
            picture = picture.reformat(*stored, "yuv420p", dst_color_range=ColorRange.MPEG)
        for target, plane in zip((self._luma, *self._chroma), picture.planes, strict=True):
            stored_rows: Pixels = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
            turned = np.rot90(stored_rows[:, : plane.width], display.turns)
            h, w = turned.shape
            target[:h, :w] = turned
            target[:h, w:] = target[:h, w - 1 : w]
            target[h:] = target[h - 1 : h]

    def lay(self, patches: Iterable[Patch]) -> None:
        """Lays the patches onto the picture, later ones over earlier ones."""
        for patch in patches:
            cut = _within(patch, *self.shown)
            if cut is None:
                continue
            cut = _evenly_placed(cut)
            y, u, v, alpha = cv2.split(cv2.transform(cut.rgba, self._to_yuva))
            h, w = alpha.shape
            _over(self._luma[cut.y : cut.y + h, cut.x : cut.x + w], y, alpha)
            rows, columns = slice(cut.y // 2, (cut.y + h) // 2), slice(cut.x // 2, (cut.x + w) // 2)
            half = (w // 2, h // 2)
            thin = cv2.resize(alpha, half, interpolation=cv2.INTER_AREA)
            for plane, chroma in zip(self._chroma, (u, v), strict=True):
                _over(plane[rows, columns], cv2.resize(chroma, half, interpolation=cv2.INTER_AREA), thin)


def _yuva_matrix(red: float, blue: float) -> NDArray[np.float32]:
    """(4, 4) from premultiplied RGBA to premultiplied limited-range YUVA, by the luma weights of red and blue.

    With premultiplied colours the constant offsets of limited range are multiples of alpha, so one matrix does it all.
    """
    luma = np.array([red, 1 - red - blue, blue])
    u = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    v = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([luma * 219, u * 224, v * 224]) / 255
    matrix[:3, 3] = np.array([16, 128, 128]) / 255
    return matrix.astype(np.float32)


def _within(patch: Patch, width: int, height: int) -> Patch | None:
    """The part of the patch inside a picture of that size."""
    h, w = patch.rgba.shape[:2]
    left, top = max(0, -patch.x), max(0, -patch.y)
    right, bottom = min(w, width - patch.x), min(h, height - patch.y)
    if right <= left or bottom <= top:
        return None
    if (left, top, right, bottom) == (0, 0, w, h):
        return patch
    return Patch(patch.x + left, patch.y + top, patch.rgba[top:bottom, left:right])


def _evenly_placed(patch: Patch) -> Patch:
    """The patch with transparent pixels around it so that it covers whole chroma samples."""
    h, w = patch.rgba.shape[:2]
    left, top = patch.x % 2, patch.y % 2
    right, bottom = (left + w) % 2, (top + h) % 2
    if not (left or top or right or bottom):
        return patch
    padded = cv2.copyMakeBorder(patch.rgba, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    return Patch(patch.x - left, patch.y - top, np.asarray(padded, np.uint8))


def _over(target: Pixels, colour: Any, alpha: Any) -> None:
    """Premultiplied ``colour`` with ``alpha`` over ``target``, in place."""
    cv2.multiply(target, 255 - alpha, dst=target, scale=1 / 255)
    cv2.add(target, colour, dst=target)


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond it."""
        return self.y + self.height

    def meets(self, other: Rect) -> bool:
        """Whether the two share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def within(self, width: int, height: int) -> bool:
        """Whether it lies inside a picture of that size."""
        return self.x >= 0 and self.y >= 0 and self.right <= width and self.bottom <= height
