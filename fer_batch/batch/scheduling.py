"""How much work a recording is, and how much a machine can do at a time."""

from __future__ import annotations

from fer_batch.config import Selection
from fer_batch.utils.resources import available_cores, available_memory_bytes
from fer_batch.video.probe import Probe, frames_analysed, frames_in_range

_WORKER_BYTES = 700 << 20
"""Memory that a worker may need: 330 MB at 640x360, 450 MB at 1080p; a file of 4K takes 600 MB."""
_PIXELS_AS_LONG = 2e6
"""Pixels that take as long to decode and convert as finding faces in a small picture takes: 1080p goes half as fast as
small videos."""
_DECODING = 0.1
"""Work of a small frame that is only decoded, in units of one that is analysed too."""
_UNKNOWN_FRAMES = 1000
"""Assumed where a container does not say, as those of broken-off recordings: in the middle of things."""


def expected_work(probe: Probe, selection: Selection) -> float:
    """Work on a recording in units of an analysed frame of a small video."""
    if probe.kind == "photo":
        return 1.0
    decoded, analysed = frames_in_range(probe, selection), frames_analysed(probe, selection)
    larger = 1 + probe.width * probe.height / _PIXELS_AS_LONG
    if decoded is None or analysed is None:
        return _UNKNOWN_FRAMES * larger
    return (analysed + _DECODING * decoded) * larger


def default_workers(recordings: int) -> int:
    """As many processes as there are cores and as memory allows, but not more than recordings."""
    affordable = max(1, available_memory_bytes() // _WORKER_BYTES)
    return max(1, min(recordings, available_cores(), affordable))


def threads_each(workers: int) -> int:
    """Cores for each of some workers."""
    return max(1, available_cores() // workers)
