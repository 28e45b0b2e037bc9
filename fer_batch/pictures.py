"""Decoding encoded pictures."""

from __future__ import annotations

import warnings
from io import BytesIO
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.quiet import native_stderr_muted
from fer_batch.video.pixel_limit import MAX_PIXELS

_reading_header = Lock()
_PNG = b"\x89PNG\r\n\x1a\n"


def picture_size(data: bytes | NDArray[np.uint8]) -> tuple[int, int] | None:
    """Width and height that the header of an encoded picture claims, as stored; None when it is not a picture.

    Nothing is decoded, and no memory is taken for pixels. A PNG that claims parts longer than the file is none: OpenCV
    would take memory for them.
    """
    from PIL import Image

    if bytes(data[:8]) == _PNG and not _has_whole_chunks(bytes(data)):
        return None
    # Pillow's own limit is a module's variable, and lower than what a user may allow here.
    with _reading_header, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with Image.open(BytesIO(bytes(data))) as picture:
                return picture.size
        except Exception:  # what Pillow's readers make of damaged headers has no common class
            return None
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _has_whole_chunks(png: bytes) -> bool:
    """Whether each chunk of a PNG, length, kind, data and checksum, lies in the file."""
    place = len(_PNG)
    while place + 8 <= len(png) and png[place + 4 : place + 8] != b"IEND":
        place += 12 + int.from_bytes(png[place : place + 4])
    return place + 8 <= len(png)


def decode_picture(
    data: bytes | NDArray[np.uint8], *, gray: bool = False, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8] | None:
    """A JPEG, PNG, TIFF, WebP or BMP picture, turned as its EXIF orientation says.

    None when it cannot be decoded, or when its header claims more pixels than allowed.

    Args:
        data: the encoded file.
        gray: gray levels instead of colours.
        max_pixels: the limit.

    Returns:
        (H, W, 3) BGR or (H, W) gray.
    """
    size = picture_size(data)
    if size is None or size[0] * size[1] > max_pixels:
        return None
    encoded = np.frombuffer(data, np.uint8)
    # OpenCV, libpng and libjpeg complain to the terminal themselves.
    with native_stderr_muted():
        try:
            picture = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
        except cv2.error:
            return None
    return None if picture is None else np.ascontiguousarray(picture, np.uint8)
