"""Pictures for tests of face detection: people in them, and things that look like people."""

from __future__ import annotations

from collections.abc import Sequence

import av
import cv2
import numpy as np
from benchmarks.tracking.backgrounds import background
from benchmarks.tracking.cutouts import Cutout, cast, draw
from benchmarks.tracking.photographs import Picture, example_people
from numpy.typing import NDArray

from fer_batch.detection.yunet import YuNet
from fer_batch.video.frame import Display, Frame


def frame(picture: Picture, time_s: float = 0.0) -> Frame:
    """A frame that shows a picture."""
    height, width = picture.shape[:2]
    return Frame(0, time_s, av.VideoFrame.from_ndarray(picture, format="rgb24"), Display(width, height))


def heads() -> list[Cutout]:
    """Those of the people in the examples."""
    with YuNet() as detector:
        people = cast(example_people(), 2, detector.detect)
    assert len(people) == 2
    return people


def group(people: list[Cutout], size: tuple[int, int], heights: Sequence[float]) -> tuple[Picture, NDArray[np.float64]]:
    """A picture with faces of these heights side by side, and their boxes (N, 4)."""
    rng = np.random.default_rng(4)
    picture = background("wood", size, rng).copy()
    boxes = []
    for number, height in enumerate(heights):
        person = people[number % len(people)]
        x = size[0] * (number + 0.5) / len(heights)
        y = size[1] * float(rng.uniform(0.2, 0.8))
        draw(picture, person, x, y, height)
        width = height * person.box[2] / person.box[3]
        boxes.append((x - width / 2, y - height / 2, width, height))
    return picture, np.array(boxes)


def socket() -> Picture:
    """The cover of a socket with three holes, 640x360, out of focus. YuNet takes it for a face."""
    picture = np.full((360, 640, 3), 195, np.uint8)
    cv2.ellipse(picture, (320, 180), (70, 115), 0, 0, 360, (150, 150, 150), -1)
    for x in (300, 340):
        cv2.circle(picture, (x, 166), 18, (56, 56, 56), -1)
    cv2.ellipse(picture, (320, 230), (5, 17), 0, 0, 360, (56, 56, 56), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4.5), np.uint8)
