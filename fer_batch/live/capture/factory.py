"""The right connection for an address."""

from __future__ import annotations

from fer_batch.config import MAX_PIXELS
from fer_batch.live.capture.base import Connection
from fer_batch.live.capture.ffmpeg import NetworkStream, PlayedFile
from fer_batch.live.options import Reading
from fer_batch.live.source_url import Address


def open_connection(address: Address, reading: Reading, max_pixels: int = MAX_PIXELS) -> Connection:
    """Opens a source that gives pictures of at most this size.

    Raises:
        UnreachableError: when that fails.
    """
    if address.kind == "camera":
        from fer_batch.live.capture.webcam import Webcam

        return Webcam(address, max_pixels)

    if address.kind == "file":
        return PlayedFile(address, max_pixels)
    return NetworkStream(address, reading, max_pixels)
