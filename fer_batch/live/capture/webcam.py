"""Webcams, by their number or device, through OpenCV, which knows them on every system."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.config import MAX_PIXELS
from fer_batch.errors import CameraUnreachableError
from fer_batch.live.capture.base import Arrivals, Arrived, Connection, unreachable
from fer_batch.live.source_url import Address
from fer_batch.utils.native_output import native_stderr_muted
from fer_batch.video.frame import Display
from fer_batch.video.probe import Probe
from fer_batch.video.source import oversized


class Webcam(Connection):
    """A camera of this machine.

    Raises:
        CameraUnreachableError: when there is none, or another program uses it.
    """

    def __init__(self, address: Address, max_pixels: int = MAX_PIXELS) -> None:
        self._label, self._max_pixels = address.shown, max_pixels
        device = int(address.secret) if address.secret.isdecimal() else address.secret
        if sys.platform == "linux" and not os.path.exists(_device(address.secret)):  # noqa: PTH110 - a device, no path
            raise CameraUnreachableError(address.shown, "there is no such camera; check that it is plugged in")
        with native_stderr_muted():
            self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            self._capture.release()
            raise CameraUnreachableError(address.shown, "cannot be opened; check that no other program uses it")
        # What waits in the driver is old when it is taken.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    @property
    def probe(self) -> Probe:
        """What the driver says."""
        capture = self._capture
        rate = capture.get(cv2.CAP_PROP_FPS)
        return Probe(
            "video",
            "camera",
            "rawvideo",
            "bgr24",
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            0,
            rate if rate > 0 else None,
            None,
            None,
            None,
            0,
        )

    def pictures(self) -> Iterator[Arrived]:
        """See :class:`Connection`."""
        arrivals = Arrivals()
        while True:
            came, pixels = self._capture.read()
            if not came or pixels is None:
                raise CameraUnreachableError(self._label, "the camera gives no more pictures; check its cable")
            arrivals.note(None)
            if pixels.shape[0] * pixels.shape[1] > self._max_pixels:
                raise unreachable(oversized(self._label, self._max_pixels))
            colours: NDArray[np.uint8] = np.ascontiguousarray(pixels, np.uint8)
            picture = av.VideoFrame.from_ndarray(colours, format="bgr24")
            # Drivers give no time that all systems agree on.
            yield Arrived(picture, Display(picture.width, picture.height), None, *arrivals.of(None))

    def close(self) -> None:
        """Gives the camera back."""
        self._capture.release()


def _device(secret: str) -> str:
    return f"/dev/video{int(secret)}" if secret.isdecimal() else secret
