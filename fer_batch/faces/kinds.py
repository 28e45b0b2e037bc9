"""The face detectors that there are. Imports nothing heavy: the command line needs it for its help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MINIMUM_SCORE = 0.5
"""Below this a detection is as likely a texture as a face (MediaPipe's own default)."""


class Detector(StrEnum):
    """Face detectors by their names on the command line."""

    short = "short"
    full = "full"


@dataclass(frozen=True, slots=True)
class DetectorKind:
    """What a detector is made of."""

    model: str
    """Its name in the manifest."""
    side: int
    """Longer side in pixels of the picture that it is given. The networks see 128 and 192 pixels; more than that is
    handed over because MediaPipe returns boxes in whole pixels."""


DETECTORS: dict[str, DetectorKind] = {
    Detector.short: DetectorKind("face-short-range", 640),
    Detector.full: DetectorKind("face-full-range", 960),
}
"""For faces within about two metres of the camera, and within about five."""
