"""How much of a recording a selection takes, before it is read."""

from __future__ import annotations

from fer_batch.selection import Selection
from fer_batch.video.probe import Probe


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
