"""The annotated picture of a live frame, as small as whoever looks at it wants it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.annotation.annotator import Annotator
from fer_batch.annotation.canvas import Yuv420Canvas
from fer_batch.annotation.encoder import Colours
from fer_batch.types import Observation
from fer_batch.video.frame import Frame


class Drawing:
    """Draws one frame after another of one source.

    Args:
        longest_side: larger pictures are shrunk so that their longer side has so many pixels.
    """

    def __init__(self, longest_side: int) -> None:
        self._longest_side = longest_side
        self._annotator = Annotator()
        self._canvas: Yuv420Canvas | None = None
        self._shown: Observation | None = None

    def draw(self, frame: Frame, observation: Observation | None) -> Yuv420Canvas:
        """The picture, in a canvas that the next call draws over.

        Args:
            frame: the next one.
            observation: of this frame; without one it shows the faces of the last that had one.
        """
        self._shown = observation or self._shown
        scale = min(1.0, self._longest_side / max(frame.width, frame.height))
        size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        canvas = self._canvas
        if canvas is None or canvas.shown != size:
            canvas = self._canvas = Yuv420Canvas(*size, bt709=Colours.of(frame).bt709)
        canvas.load(frame)
        if self._shown is not None:
            faces = self._shown.detected.scaled(size[0] / frame.width, size[1] / frame.height)
            scaled = Observation(self._shown.frame, self._shown.time_s, faces, self._shown.probabilities)
            canvas.lay(self._annotator.annotate(scaled, *size))
        return canvas

    def gap(self) -> None:
        """What was seen last is not seen any more."""
        self._shown = None


def jpeg_of(canvas: Yuv420Canvas, quality: int) -> bytes:
    """The canvas as a JPEG file."""
    planes = canvas.buffer.reshape(canvas.height * 3 // 2, canvas.width)
    pixels = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[: canvas.shown[1], : canvas.shown[0]]
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    file: NDArray[np.uint8] = np.asarray(encoded, np.uint8)
    return file.tobytes()
