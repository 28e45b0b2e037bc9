"""Decoding encoded pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.quiet import native_stderr_muted


def decode_picture(data: bytes | NDArray[np.uint8], *, gray: bool = False) -> NDArray[np.uint8] | None:
    """A JPEG, PNG, TIFF, WebP or BMP picture, turned as its EXIF orientation says; None when it cannot be decoded.

    Args:
        data: the encoded file.
        gray: gray levels instead of colours.

    Returns:
        (H, W, 3) BGR or (H, W) gray.
    """
    encoded = np.frombuffer(data, np.uint8)
    # OpenCV, libpng and libjpeg complain to the terminal themselves.
    with native_stderr_muted():
        try:
            picture = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
        except cv2.error:
            return None
    return None if picture is None else np.ascontiguousarray(picture, np.uint8)
