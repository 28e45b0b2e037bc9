"""The face detectors that there are. Imports nothing heavy: the command line needs it for its help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MINIMUM_SCORE = 0.5
"""Below this a detection is as likely a texture as a face (MediaPipe's own default)."""

LOWEST_SCORE = 0.3
"""Down to this a detection can tell where a face is that is known to be about there: a face that is turned, blurred or
half hidden. In pictures without faces every other one gives a detection that high."""


class Detector(StrEnum):
    """Ways of finding faces by their names on the command line."""

    auto = "auto"
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
    larger: float = 1.0
    """How much larger its boxes are than the short-range network's around the same faces."""
    higher: float = 0.0
    """Heights by which their centres are above those."""


DETECTORS: dict[str, DetectorKind] = {
    Detector.short: DetectorKind("face-short-range", 640),
    Detector.full: DetectorKind("face-full-range", 960, 1.05, 0.04),
}
"""The networks that there are: for faces within about two metres of the camera, and within about five. ``auto`` uses
both."""
