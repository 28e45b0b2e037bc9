"""Encoded pictures: what their headers claim, and decoding within that."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.config import MAX_PIXELS
from fer_batch.utils.native_output import native_stderr_muted
from fer_batch.video.container import open_input

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_TIFF: Final = (b"II*\0", b"MM\0*")
_OTHERS: Final = (b"\xff\xd8\xff", b"BM", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
"""JPEG, BMP, and PNM, in which some data sets come."""
_TIFF_SIZES: Final = (256, 257, 322, 323)
"""Tags of width and height of the picture and of its tiles."""
_TIFF_INTEGERS: Final = {3: "H", 4: "I"}
_MOST_TAGS: Final = 4096

_reading_header = Lock()


def picture_size(source: bytes | Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int] | None:
    """Width and height that the header of an encoded picture claims, as stored; None when it is not a picture.

    Pictures are JPEG, PNG, WebP, BMP, TIFF and PNM: other formats that OpenCV knows may crash it. No memory is taken
    for more than ``max_pixels``. Of a TIFF in tiles the sides are those of a tile where these are larger.

    Raises:
        OSError: when a file cannot be read.
    """
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(16)
        if head.startswith(_PNG):
            return _png_size(file)
        if head.startswith(_TIFF):
            return _tiff_size(file)
        if not head.startswith(_OTHERS) and (head[:4], head[8:12]) != (b"RIFF", b"WEBP"):
            return None
        # Pillow is strict about what stands beside the size; FFmpeg, whose way is longer, is not.
        return _pillow_size(file) or _ffmpeg_size(file, max_pixels)


def decode_picture(data: bytes, *, gray: bool = False, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8] | None:
    """A JPEG, PNG, TIFF, WebP or BMP picture, turned as its EXIF orientation says.

    None when it cannot be decoded, or when its header claims more pixels than allowed.

    Args:
        data: the encoded file.
        gray: gray levels instead of colours.
        max_pixels: the limit.

    Returns:
        (H, W, 3) BGR or (H, W) gray.
    """
    size = picture_size(data, max_pixels)
    if size is None or size[0] * size[1] > max_pixels:
        return None
    return decode_checked(np.frombuffer(data, np.uint8), gray=gray)


def decode_checked(encoded: NDArray[np.uint8], *, gray: bool = False) -> NDArray[np.uint8] | None:
    """As :func:`decode_picture`, of a file whose :func:`picture_size` was looked at."""
    # OpenCV, libpng and libjpeg complain to the terminal themselves.
    with native_stderr_muted():
        try:
            picture = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
        except cv2.error:
            return None
    return None if picture is None else np.ascontiguousarray(picture, np.uint8)


def _png_size(file: BinaryIO) -> tuple[int, int] | None:
    """By the first chunk, if each chunk (length, kind, data, checksum) lies in the file.

    OpenCV takes memory for whatever a chunk's length says.
    """
    end, place, kind = file.seek(0, 2), len(_PNG), b""
    while kind != b"IEND":
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return None
        kind, place = head[4:], place + 12 + int.from_bytes(head[:4])
        if place > end and kind != b"IEND":
            return None
    file.seek(len(_PNG) + 8)
    width, height = struct.unpack(">II", file.read(8))
    return (width, height) if width and height else None


def _tiff_size(file: BinaryIO) -> tuple[int, int] | None:
    """By the tags of the first directory."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    try:
        file.seek(2, 1)
        file.seek(*struct.unpack(f"{order}I", file.read(4)))
        (count,) = struct.unpack(f"{order}H", file.read(2))
        sides = dict.fromkeys(_TIFF_SIZES, 0)
        for _ in range(min(count, _MOST_TAGS)):
            tag, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
            if tag in sides and kind in _TIFF_INTEGERS:
                (sides[tag],) = struct.unpack_from(f"{order}{_TIFF_INTEGERS[kind]}", value)
    except struct.error:
        return None
    width, height, tile_width, tile_height = sides.values()
    return (max(width, tile_width), max(height, tile_height)) if width and height else None


def _pillow_size(file: BinaryIO) -> tuple[int, int] | None:
    from PIL import Image

    file.seek(0)
    with _reading_header, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Pillow's own limit is a module's variable, and lower than what a user may allow here.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file).size
        except Exception:  # what Pillow's readers make of damaged headers has no common class
            return None
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _ffmpeg_size(file: BinaryIO, max_pixels: int) -> tuple[int, int] | None:
    file.seek(0)
    try:
        with open_input(file, max_pixels=max_pixels) as container:
            context = container.streams.video[0].codec_context
            return (context.width, context.height) if context.width and context.height else None
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
