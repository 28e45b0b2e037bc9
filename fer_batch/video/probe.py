"""What a recording is, as its container tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Probe:
    """A recording's properties; None where the container does not say."""

    kind: Literal["video", "photo"]
    container: str
    codec: str
    pixel_format: str
    width: int
    """Displayed pixels: rotation applied, pixels made square."""
    height: int
    rotation: int
    """Degrees counter-clockwise by which the stored picture is turned for display: 0, 90, 180 or 270."""
    frame_rate: float | None
    """Average, frames a second."""
    duration_s: float | None
    frames: int | None
    """By the container's count, or by duration and rate; the decoder has the last word."""
    audio_codec: str | None
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
