"""What the header of a video stream says about it, as far as that is credible."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

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
    lasting = round(duration_s * rate) if duration_s and rate else 0
    return min(claimed or lasting, lasting or claimed) or None


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
