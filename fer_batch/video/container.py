"""Opening media through FFmpeg, with what must hold wherever a file or stream is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.sidedata import sidedata
from av.video.stream import VideoStream


def _unknown_kind(cls: type[Any], value: object) -> Any:
    member = object.__new__(cls)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return member


# FFmpeg knows kinds of side data that PyAV's table lacks, EXIF among them; without this, reading any side data of such
# a frame is an error.
sidedata.Type._missing_ = classmethod(_unknown_kind)  # type: ignore[assignment, method-assign]


def open_input(
    source: Path | str | BinaryIO,
    *,
    max_pixels: int | None = None,
    options: dict[str, str] | None = None,
    timeout: tuple[float, float] | None = None,
) -> InputContainer:
    """Open a file or an address for reading.

    Text in it that is not UTF-8 is read with replacement characters.

    Args:
        source: a path, taken as a file whatever its name looks like, an address, or an open file.
        max_pixels: larger pictures are not decoded while FFmpeg finds out what the streams are.
        options: of FFmpeg's demuxer and protocol.
        timeout: seconds to open and to read.

    Raises:
        av.error.FFmpegError, OSError, ValueError: when it cannot be opened.
    """
    options = dict(options or {})
    if max_pixels is not None:
        options["max_pixels"] = str(max_pixels)
    address = str(source.absolute()) if isinstance(source, Path) else source
    container = av.open(address, "r", options=options, timeout=timeout, metadata_errors="replace")
    assert isinstance(container, InputContainer)
    return container


def limit_pixels(stream: VideoStream, max_pixels: int) -> None:
    """Make the decoder refuse larger pictures before it allocates them, in mid-stream too.

    To be called before the first packet is decoded. Decoders round sides up to 64 pixels, so pictures that are a little
    larger pass.
    """
    rounded = max_pixels + round(160 * max_pixels**0.5) + 64 * 64
    stream.codec_context.options = {**stream.codec_context.options, "max_pixels": str(min(rounded, 2**31 - 1))}


def refused_by_size(stream: VideoStream, error: av.error.FFmpegError, max_pixels: int) -> bool:
    """Whether a decoder refused a packet because of :func:`limit_pixels`, or because its size is damaged.

    FFmpeg says "invalid argument" and forgets the size, or keeps the size and says "invalid data".
    """
    context = stream.codec_context
    pixels = context.width * context.height
    return pixels > max_pixels or (pixels == 0 and isinstance(error, av.error.ArgumentError))
