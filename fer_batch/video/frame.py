"""One decoded frame, with the views that stages need made only when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from threading import local
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuva420p", "nv12", "nv21", "gray"}
)
"""Pixel formats whose first plane is 8-bit luma."""


_GLIMPSE = (64, 36)
"""Cells of a glimpse, along the longer and the shorter side: enough to know a picture again, few enough to be free."""
_GLIMPSE_SAMPLES = 3
"""Pixels a cell along each side, so that a cell's mean loses two thirds of the sensor's noise."""


_TURNED = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
"""By quarter turns; a fourth of the time of NumPy's copy, in which a frame of 1080p takes 2 milliseconds."""

_NEARLY_SQUARE = 0.01
"""Difference from one up to which pixels are taken as square. It comes from rounding when a picture is scaled: made
1920x1080 from 596x336 it says 447:448. Nobody sees it; to resize every frame for it takes as long as the detector."""


_thread = local()


def _converted(picture: av.VideoFrame, **options: Any) -> av.VideoFrame:
    """The picture in another format or size, by a converter that each thread keeps: making one takes longer than using
    it, and so does handing a picture of this size out to several threads.
    """
    if not hasattr(_thread, "reformatter"):
        _thread.reformatter = VideoReformatter()
    converted: av.VideoFrame = _thread.reformatter.reformat(picture, threads=1, **options)
    return converted


def _shrunk(picture: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    """The picture averaged down, in its own format: then to RGB, a frame of 1080p takes a third of the time of both in
    one, and comes closer to what the whole frame in RGB gives (0.3 gray values in the mean instead of 0.3 to 1.1).
    """
    if not hasattr(_thread, "shrinker"):
        _thread.shrinker = VideoReformatter()
    width, height = size
    shrunk: av.VideoFrame = _thread.shrinker.reformat(
        picture, width=width, height=height, format=picture.format.name, interpolation="AREA", threads=1
    )
    return shrunk


def _sampled(picture: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w) some pixels' luma, by a converter of its own: it would have to be made anew after one of another size."""
    if not hasattr(_thread, "sampler"):
        _thread.sampler = VideoReformatter()
    sampled: av.VideoFrame = _thread.sampler.reformat(
        picture, width=size[0], height=size[1], format="gray", interpolation="POINT", threads=1
    )
    return _first_plane(sampled)


def _first_plane(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """(h, w) the decoder's memory of a plane of 8 bits."""
    plane = picture.planes[0]
    stored: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return stored[:, : plane.width]


@dataclass(frozen=True, slots=True)
class Display:
    """How a stored picture is shown: turned, and with its pixels made square.

    Everything that fer-batch reports is in pixels of the displayed picture.
    """

    width: int
    """Displayed pixels."""
    height: int
    turns: int = 0
    """Quarter turns counter-clockwise, 0 to 3."""

    @classmethod
    def of(cls, width: int, height: int, aspect: Fraction | None, turns: int) -> Display:
        """How a stored picture of this size is shown.

        Args:
            width: in stored pixels.
            height: likewise.
            aspect: a pixel's width in heights; None when nothing is said about it.
            turns: quarter turns counter-clockwise, 0 to 3.
        """
        if aspect and abs(aspect - 1) > _NEARLY_SQUARE:
            width = max(1, round(width * aspect))
        return cls(height, width, turns) if turns % 2 else cls(width, height, turns)

    def apply(self, picture: NDArray[np.uint8], scale: float = 1.0) -> NDArray[np.uint8]:
        """The stored picture as displayed, ``scale`` times as large."""
        width, height = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        stored = (height, width) if self.turns % 2 else (width, height)
        if (picture.shape[1], picture.shape[0]) != stored:
            shrinks = picture.shape[1] > stored[0]
            picture = np.asarray(
                cv2.resize(picture, stored, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
            )
        return np.asarray(cv2.rotate(picture, _TURNED[self.turns]), np.uint8) if self.turns else picture


@dataclass(slots=True)
class Frame:
    """A frame of a recording, in presentation order."""

    index: int
    """From 0, counting every decoded frame."""
    time_s: float
    """Presentation time in seconds from the stream's start."""
    picture: av.VideoFrame
    """As decoded: stored orientation, the codec's pixel format."""
    display: Display
    captured_at: datetime | None = None
    """Live sources only: wall clock at arrival, UTC."""
    _luma: NDArray[np.uint8] | None = field(default=None, repr=False)
    _small: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    @property
    def width(self) -> int:
        """Displayed width in pixels."""
        return self.display.width

    @property
    def height(self) -> int:
        """Displayed height in pixels."""
        return self.display.height

    def luma(self) -> NDArray[np.uint8]:
        """(height, width) luma as displayed; often the decoder's own memory, so not to be written to."""
        if self._luma is None:
            picture = self.picture
            if picture.format.name not in _LUMA_FIRST:
                picture = _converted(picture, format="gray")
            self._luma = self.display.apply(_first_plane(picture))
        return self._luma

    def glimpse(self) -> NDArray[np.uint8]:
        """(36, 64) luma of the stored picture in cells, the longer side along the second axis; made with every call.

        It is taken from a few pixels of each cell, which takes as long for a large picture as for a small one.
        """
        picture = self.picture
        upright = picture.height > picture.width
        width, height = reversed(_GLIMPSE) if upright else _GLIMPSE
        size = width * _GLIMPSE_SAMPLES, height * _GLIMPSE_SAMPLES
        if picture.format.name in _LUMA_FIRST:
            sampled = np.asarray(cv2.resize(_first_plane(picture), size, interpolation=cv2.INTER_NEAREST), np.uint8)
        else:
            sampled = _sampled(picture, size)
        cells = np.asarray(cv2.resize(sampled, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return np.ascontiguousarray(cells.T) if upright else cells

    def rgb(self) -> NDArray[np.uint8]:
        """(height, width, 3) RGB as displayed; made anew with every call."""
        return self._rgb(1.0)

    def small(self, longest_side: int) -> NDArray[np.uint8]:
        """(h, w, 3) RGB as displayed, shrunk so that its longer side is at most ``longest_side`` pixels; kept."""
        if longest_side not in self._small:
            self._small[longest_side] = self._rgb(min(1.0, longest_side / max(self.width, self.height)))
        return self._small[longest_side]

    def forget_small(self) -> None:
        """Let go of the small pictures."""
        self._small.clear()

    def _rgb(self, scale: float) -> NDArray[np.uint8]:
        picture = self.picture
        width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        options: dict[str, Any] = {}
        if scale < 1.0 and picture.format.name in _LUMA_FIRST:
            picture = _shrunk(picture, (width, height))
        elif scale < 1.0:
            options = {"width": width, "height": height, "interpolation": "AREA"}
        converted = _converted(picture, format="rgb24", **options)
        return self.display.apply(np.asarray(converted.to_ndarray(), np.uint8), scale)
