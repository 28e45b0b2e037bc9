"""Opening media through FFmpeg, and what a stream's header says as far as that is credible."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

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


_TAGGED_DURATION: Final = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d{1,12})?)")
_LONGEST_S: Final = 10 * 365 * 86_400
"""Seconds beyond which a duration is a container's mistake: ten years."""
_HIGHEST_RATE: Final = 1000
"""Frames a second beyond which an average rate is a container's mistake."""


def average_rate(stream: VideoStream) -> Fraction | None:
    """Frames a second."""
    average, guessed = stream.average_rate, stream.guessed_rate
    return average if average and average <= _HIGHEST_RATE else guessed


def duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the video itself lasts; sound and subtitles may last longer."""
    claimed_s = _claimed_duration_s(container, stream)
    return claimed_s if claimed_s is not None and 0 <= claimed_s < _LONGEST_S else None


def frame_count(claimed: int, duration_s: float | None, rate: Fraction | None) -> int | None:
    """The smaller of two counts: the container's own has frames in it that an edit list leaves out."""
    estimate = round(duration_s * rate) if duration_s and rate else 0
    return min(claimed or estimate, estimate or claimed) or None


def is_mirrored(picture: av.VideoFrame) -> bool:
    """Whether the container asks for a mirror image; the angle that FFmpeg gives means something else then."""
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d, *_ = struct.unpack("9i", bytes(matrix))  # type: ignore[call-overload]
    return bool(a * d < b * c)


def _claimed_duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    base = stream.time_base or Fraction(0)
    if container.format.name == "avi" and stream.frames and (rate := average_rate(stream)):
        return float(stream.frames / rate)  # FFmpeg shortens the duration of a file that is cut short
    if stream.duration is not None:
        return float(stream.duration * base)
    start_s = float(stream.start_time * base) if stream.start_time is not None else 0.0
    # Matroska: when the stream ends, on the file's clock.
    if end := _TAGGED_DURATION.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = end.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start_s
    if not container.duration:
        return None
    ahead_s = start_s - (container.start_time or 0) / av.time_base if stream.start_time is not None else 0.0
    return container.duration / av.time_base - ahead_s
