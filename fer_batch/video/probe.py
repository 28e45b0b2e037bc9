"""Probe of a recording: what its container tells, and how many frames a selection takes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from fer_batch.config import Selection


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


def frames_in_range(probe: Probe, selection: Selection) -> int | None:
    """How many frames the selection's range holds, by the container; None where it does not say."""
    frames, lasts = probe.frames, probe.duration_s
    if not frames or not lasts:
        return frames
    end_s = lasts if selection.end_s is None else min(selection.end_s, lasts)
    return max(1, round(frames * max(0.0, end_s - selection.start_s) / lasts))


def frames_analysed(probe: Probe, selection: Selection) -> int | None:
    """How many of them are analysed, about."""
    frames = frames_in_range(probe, selection)
    if frames is None or selection.fps is None or not probe.frame_rate:
        return None if frames is None else -(-frames // selection.every)
    return max(1, round(frames * min(1.0, selection.fps / probe.frame_rate)))


def seconds_in_range(probe: Probe, selection: Selection) -> float | None:
    """How long the range lasts; None where the container does not say, as for photos."""
    if probe.duration_s is None:
        return None
    end_s = probe.duration_s if selection.end_s is None else min(selection.end_s, probe.duration_s)
    return max(0.0, end_s - selection.start_s)
