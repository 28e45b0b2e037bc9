"""What is counted in group pictures, and that faces are found in them."""

from __future__ import annotations

from contextlib import closing
from math import sqrt

import numpy as np
import pytest
from benchmarks.tracking.cutouts import Cutout, cast
from benchmarks.tracking.groups import Group, Tally, frame_of, group_picture, judge, stage_picture
from benchmarks.tracking.photographs import example_people

from fer_batch.detection.finder import FaceFinder
from fer_batch.detection.yunet import YuNet
from fer_batch.types import KEYPOINTS, Faces


@pytest.fixture(scope="module")
def people() -> list[Cutout]:
    with closing(YuNet()) as cutter:
        return cast(example_people(), 2, cutter.detect)


@pytest.mark.slow
def test_faces_of_groups_are_inside_and_as_high_as_those_that_are_promised_to_be_found(people: list[Cutout]) -> None:
    for seed in range(4):
        group = group_picture(people, np.random.default_rng(seed))
        height, width = group.rgb.shape[:2]
        assert 1 <= len(group.boxes) <= 2
        assert group.boxes[:, :2].min() >= 0
        assert np.all(group.boxes[:, :2] + group.boxes[:, 2:] <= (width, height))
        assert 24 * sqrt(width / 640) - 1e-6 <= group.boxes[:, 3].min() <= group.boxes[:, 3].max() <= 120


@pytest.mark.slow
def test_faces_of_groups_are_found_and_nothing_else(people: list[Cutout]) -> None:
    total = Tally()
    with closing(FaceFinder("auto")) as finder:
        for seed in range(5):
            for make in (group_picture, stage_picture):
                group = make(people, np.random.default_rng(seed))
                total.add(judge(group, finder.find_confirmed(frame_of(group.rgb)))[0])
    assert sum(total.faces.values()) >= 12
    assert sum(total.found.values()) >= 0.9 * sum(total.faces.values())
    assert not total.false_heights


def test_a_box_beside_a_face_misses_it_and_one_elsewhere_is_false() -> None:
    places = np.array([(100, 100, 40, 50), (200, 100, 40, 50), (300, 100, 40, 50)], float)
    group = Group("", np.zeros((360, 640, 3), np.uint8), places)
    boxes = np.array([(102, 101, 40, 50), (216, 110, 40, 50), (400, 300, 30, 35)], np.float32)
    points = np.zeros((3, KEYPOINTS, 2), np.float32)
    tally, missed, false = judge(group, Faces(boxes, points, np.ones(3, np.float32), np.zeros(3, np.int32)))
    assert missed.tolist() == [False, True, True]
    assert false.tolist() == [False, False, True]
    assert tally.false_heights == [35]
    assert (sum(tally.found.values()), sum(tally.faces.values())) == (1, 3)
