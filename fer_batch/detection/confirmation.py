"""A second opinion: whether what was found is seen again, by MediaPipe and by YuNet, in its surroundings."""

from __future__ import annotations

from math import inf
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.detection.base import around, cut_gray, cut_rgb
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.detection.yunet import YuNet
from fer_batch.faces.boxes import overlaps
from fer_batch.types import Faces
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Frame

_SURROUNDINGS: Final = 2.0
"""Side of the square that is looked at, in longer sides of the face's box."""
_MEDIAPIPE_SIDE: Final = 256
"""Pixels of MediaPipe's picture: twice what its network sees, because its boxes are whole pixels."""
_YUNET_SIDES: Final = (96, 160)
"""Pixels of YuNet's pictures. Textures that it takes for a face at one size it often does not at another."""
_SAME: Final = 0.45
"""Overlap from which on a second look has seen the same face: of 368 real faces 99 in 100 overlap by 0.59 and more,
boxes beside a face by 0.31."""
_LOWEST: Final = 0.1
"""Score of the second looks below which nothing was seen."""
_FIRST: Final = 0.4
_SECOND: Final = 0.85
"""Weights of YuNet's first score and of the mean of its second ones, MediaPipe's being 1: by logistic regression."""
_ENOUGH: Final = 1.68
"""Weighted sum of the scores that makes an evidence of 1. Measured on 617 faces of made groups and 311 detections that
are none (drawn coins, buttons, metal and other textures, photographs of things): 8 of the faces have less, one of the
others has more. Without YuNet's second looks, but with the places of eyes and mouth, it would be 14 and two."""
_SURE: Final = 0.9
"""All three scores of YuNet from which on MediaPipe is not asked, which misses profiles; of drawn coins they were 0.88
at most."""
_SURE_AT_BORDER: Final = 0.86
"""First score from which on a face that has hardly any surroundings is believed."""
_MOST_INSIDE: Final = 0.6
"""Share of the surroundings inside the picture from which on they are looked at: a face that fills the picture, or is
at its border, has hardly any, and the first score has to do. 53 of 1,261 close-up photographs were refused
otherwise."""
_SURE_ALONE: Final = 0.75
_LONE_SCORE: Final = 0.6
"""For MediaPipe alone: first scores from which on no second look is taken, and least score of a second look."""


class Confirmation(Closeable):
    """Confirms faces by second looks at their surroundings; MediaPipe is loaded when it is first asked.

    Args:
        yunet: gives second looks too; None where MediaPipe does all. Closed by its owner.
    """

    def __init__(self, yunet: YuNet | None) -> None:
        self._yunet = yunet
        self._mediapipe: MediaPipeDetector | None = None

    def evidence(self, frame: Frame, box: NDArray[np.float32], score: float) -> float:
        """Return how clearly what was found is a face: from 1 on in a single look, infinite where there is no doubt.

        Args:
            frame: in which it was found.
            box: (4,) x, y, width, height in its pixels.
            score: of the first look.
        """
        if self._yunet is None:
            return inf if score >= _SURE_ALONE else self._by_mediapipe(frame, box) / _LONE_SCORE
        if score >= _SURE_AT_BORDER and _share_inside(frame, box) < _MOST_INSIDE:
            return inf
        scores = []
        for size in _YUNET_SIDES:
            picture, square = cut_rgb(frame, around(box, _SURROUNDINGS), size)
            scores.append(_best(square.placed(self._yunet.detect(picture), size), box))
        if min(score, *scores) >= _SURE:
            return inf
        total = _FIRST * score + _SECOND * sum(scores) / len(scores)
        # Where the highest score would not do, MediaPipe is not asked.
        return (total + self._by_mediapipe(frame, box) if total + 1 >= _ENOUGH else total) / _ENOUGH

    def warm_up(self, frame: Frame) -> None:
        """Load MediaPipe and use it once, on any frame."""
        self._by_mediapipe(frame, np.array([0, 0, 32, 32], np.float32))

    def close(self) -> None:
        """Release MediaPipe's network."""
        if self._mediapipe is not None:
            self._mediapipe.close()
            self._mediapipe = None

    def _by_mediapipe(self, frame: Frame, box: NDArray[np.float32]) -> float:
        if self._mediapipe is None:
            self._mediapipe = MediaPipeDetector(_LOWEST)
        # In gray it finds as many faces, and takes fewer textures for one.
        gray, square = cut_gray(frame, around(box, _SURROUNDINGS), _MEDIAPIPE_SIDE)
        rgb = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), np.uint8)
        return _best(square.placed(self._mediapipe.detect(rgb), _MEDIAPIPE_SIDE), box)


def _share_inside(frame: Frame, box: NDArray[np.float32]) -> float:
    """How much of a box's surroundings is inside the frame, 0 to 1."""
    left, top, side = around(box, _SURROUNDINGS)
    width = min(left + side, frame.width) - max(left, 0)
    height = min(top + side, frame.height) - max(top, 0)
    return max(0, width) * max(0, height) / side**2


def _best(faces: Faces, box: NDArray[np.float32]) -> float:
    """The best score of what is seen of a box; 0 for nothing."""
    same = faces.scores[overlaps(faces.boxes, box[None])[:, 0] >= _SAME]
    return float(same.max(initial=0.0))
