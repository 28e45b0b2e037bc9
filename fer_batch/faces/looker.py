"""The first look at a frame: what the network finds in its small picture, whatever was found before."""

from __future__ import annotations

from fer_batch.closing import Closing
from fer_batch.faces.detector import MediaPipeDetector
from fer_batch.faces.kinds import DETECTORS, LOWEST_SCORE, Detector
from fer_batch.types import Faces
from fer_batch.video.frame import Frame


class Looker(Closing):
    """Looks at one frame after another, in any order; used by one thread at a time.

    Args:
        kind: of the detector: "auto", "short" or "full".
        minimum_score: detections below it are given down to ``LOWEST_SCORE``, where they may carry on what is known.

    Raises:
        ModelError: when the network's file is missing or altered.
    """

    def __init__(self, kind: str, minimum_score: float) -> None:
        network = Detector.full if kind == Detector.full else Detector.short
        self.detector = MediaPipeDetector(network, min(LOWEST_SCORE, minimum_score))
        self._side = DETECTORS[network].side

    def prepare(self, frame: Frame) -> None:
        """Makes the picture that :meth:`look` looks at, in whatever thread this is called."""
        frame.small(self._side)

    def look(self, frame: Frame) -> Faces:
        """What the network finds, best score first, in pixels of the frame, without tracks."""
        small = frame.small(self._side)
        return self.detector.detect(small).scaled(frame.width / small.shape[1], frame.height / small.shape[0])

    def close(self) -> None:
        """Releases the network."""
        self.detector.close()
