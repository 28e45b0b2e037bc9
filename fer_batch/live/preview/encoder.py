"""Annotated pictures of live frames as JPEG, made only while they are looked at."""

from __future__ import annotations

import time
from threading import Thread
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.annotation.annotator import Annotator
from fer_batch.annotation.canvas import Yuv420Canvas
from fer_batch.annotation.encoder import Colours
from fer_batch.live.events import FrameAnalyzed
from fer_batch.types import Observation
from fer_batch.utils.concurrency import Closeable, LatestQueue
from fer_batch.video.frame import Frame

_LONGEST_SIDE: Final = 1280
"""Pixels: a face's chart can be read, and a picture has about 100 kB."""
_QUALITY: Final = 80
_APART_S: Final = 1 / 15
"""Between two pictures: smooth enough to look at, and little beside the analysis."""


class Pictures(Protocol):
    """Where annotated pictures go, while somebody looks at them."""

    @property
    def wanted(self) -> bool:
        """Whether somebody does; none need be made otherwise."""
        ...

    def show(self, jpeg: bytes) -> None:
        """Hands on a picture; it returns at once, and only the latest counts."""
        ...


class PreviewEncoder(Closeable):
    """Draws and encodes in a thread of its own; of what it is given meanwhile, only the newest.

    Args:
        pictures: asked whether any are wanted, and given them.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._frames: LatestQueue[FrameAnalyzed] = LatestQueue(1)
        self._thread = Thread(target=self._run, name="fer-batch pictures", daemon=True)
        self._thread.start()

    def take(self, frame: FrameAnalyzed) -> None:
        """Takes a frame with its picture."""
        if frame.frame is not None and self._pictures.wanted:
            self._frames.put(frame)

    def close(self) -> None:
        """Makes no more."""
        self._frames.end(discard=True)
        self._thread.join()

    def _run(self) -> None:
        drawing = LiveOverlay(_LONGEST_SIDE)
        while (newest := self._frames.take()) is not None and newest.frame is not None:
            began_s = time.monotonic()
            self._pictures.show(jpeg_of(drawing.draw(newest.frame, newest.observation), _QUALITY))
            del newest
            time.sleep(max(0.0, _APART_S - (time.monotonic() - began_s)))


class LiveOverlay:
    """Draws one frame after another of one source.

    Args:
        longest_side: larger pictures are shrunk so that their longer side has so many pixels.
    """

    def __init__(self, longest_side: int) -> None:
        self._longest_side = longest_side
        self._annotator = Annotator()
        self._canvas: Yuv420Canvas | None = None
        self._latest: Observation | None = None

    def draw(self, frame: Frame, observation: Observation | None) -> Yuv420Canvas:
        """The picture, in a canvas that the next call draws over.

        Args:
            frame: the next one.
            observation: of this frame; without one it shows the faces of the last that had one.
        """
        self._latest = observation or self._latest
        scale = min(1.0, self._longest_side / max(frame.width, frame.height))
        size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        canvas = self._canvas
        if canvas is None or canvas.shown != size:
            canvas = self._canvas = Yuv420Canvas(*size, bt709=Colours.of(frame).bt709)
        canvas.load(frame)
        if self._latest is not None:
            faces = self._latest.detected.scaled(size[0] / frame.width, size[1] / frame.height)
            scaled = Observation(self._latest.frame, self._latest.time_s, faces, self._latest.probabilities)
            canvas.lay(self._annotator.annotate(scaled, *size))
        return canvas

    def gap(self) -> None:
        """What was seen last is not seen any more."""
        self._latest = None


def jpeg_of(canvas: Yuv420Canvas, quality: int) -> bytes:
    """The canvas as a JPEG file."""
    planes = canvas.buffer.reshape(canvas.height * 3 // 2, canvas.width)
    pixels = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[: canvas.shown[1], : canvas.shown[0]]
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    file: NDArray[np.uint8] = np.asarray(encoded, np.uint8)
    return file.tobytes()
