"""Second looks tell faces from what a first look takes for faces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.tracking.photographs import example_frame
from helpers.clips import ffmpeg
from helpers.detection_samples import frame, socket
from helpers.paths import ASTRONAUT
from helpers.people import picture

import fer_batch
from fer_batch.config import Detector
from fer_batch.detection.confirmation import Confirmation
from fer_batch.detection.finder import FaceFinder, FirstLook
from fer_batch.detection.yunet import YuNet

UNSURE = 0.5
"""Score of a first look that leaves it open."""


@pytest.fixture(scope="module")
def yunet() -> Iterator[YuNet]:
    with YuNet() as opened:
        yield opened


@pytest.fixture(scope="module", params=[True, False], ids=["YuNet and MediaPipe", "MediaPipe alone"])
def confirmation(request: pytest.FixtureRequest, yunet: YuNet) -> Iterator[Confirmation]:
    with Confirmation(yunet if request.param else None) as opened:
        yield opened


@pytest.mark.parametrize("height", [24, 60, 110, 300, 800])
def test_a_face_is_confirmed_at_any_size(confirmation: Confirmation, yunet: YuNet, height: int) -> None:
    for rgb in (example_frame(1), picture(ASTRONAUT)):
        faces = yunet.detect(rgb)
        scale = height / faces.boxes[0, 3]
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=method), np.uint8)
        there = faces.scaled(resized.shape[1] / rgb.shape[1], resized.shape[0] / rgb.shape[0])
        assert confirmation.evidence(frame(resized), there.boxes[0], UNSURE) >= 1


def test_a_face_at_the_border_is_confirmed(confirmation: Confirmation, yunet: YuNet) -> None:
    """The picture ends above the brows, at a cheek and at the chin."""
    rgb = picture(ASTRONAUT)
    x, y, width, height = (round(value) for value in yunet.detect(rgb).boxes[0].tolist())
    cut = np.ascontiguousarray(rgb[y + height // 8 : y + height, x : x + width])
    faces = yunet.detect(cut)
    assert len(faces) == 1
    assert confirmation.evidence(frame(cut), faces.boxes[0], UNSURE) >= 1


@pytest.mark.parametrize("shift", [(0, 0), (37, 0), (-90, 11), (13, -20)])
def test_what_yunet_alone_takes_for_a_face_is_refused(yunet: YuNet, shift: tuple[int, int]) -> None:
    shown = frame(np.roll(socket(), shift, axis=(1, 0)))
    with FirstLook(Detector.auto) as look:
        faces = look.look(shown)
    assert len(faces) == 1
    assert faces.scores[0] > UNSURE
    with Confirmation(yunet) as confirmation:
        assert confirmation.evidence(shown, faces.boxes[0], float(faces.scores[0])) < 1


def test_a_face_elsewhere_confirms_nothing(confirmation: Confirmation, yunet: YuNet) -> None:
    """What was found beside a face is not that face, though the second look shows it too."""
    shown = frame(picture(ASTRONAUT))
    (box,) = yunet.detect(picture(ASTRONAUT)).boxes[:1]
    assert confirmation.evidence(shown, box, UNSURE) >= 1
    for x, y in ((1, 0), (-1, 0), (0, -1), (0, 1)):
        assert confirmation.evidence(shown, box + np.array([x, y, 0, 0], np.float32) * box[3], UNSURE) < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 0),
        (10, 10, 0.3, 0.2),
        (-900, -900, 50, 50),
        (5000, 5000, 50, 50),
        (-9e2, -9e2, 3e3, 3e3),
        (0, 0, 2, 4e3),
    ],
    ids=str,
)
def test_boxes_of_any_size_and_place_are_looked_at(confirmation: Confirmation, box: tuple[float, ...]) -> None:
    for size in ((64, 96), (1, 1), (2, 3000)):
        gray = frame(np.full((*size, 3), 128, np.uint8))
        assert confirmation.evidence(gray, np.array(box, np.float32), UNSURE) < 1


def test_a_photo_of_a_face_and_one_of_a_socket_are_told_apart() -> None:
    both = np.hstack([socket()[:, 120:520], example_frame(1)[:, 280:]])
    with FaceFinder(Detector.auto) as finder:
        assert len(finder.find(frame(both))) == 2
        (box,) = finder.find_confirmed(frame(both)).boxes
    assert box[0] > 400


def test_a_recording_of_a_socket_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = tmp_path / "socket.png"
    cv2.imwrite(str(still), socket())
    ffmpeg("-loop", "1", "-t", "2", "-i", still, "-pix_fmt", "yuv420p", tmp_path / "socket.mp4")
    assert fer_batch.analyze(tmp_path / "socket.mp4", fps=10).empty
    assert fer_batch.analyze(still).empty
    # Without a second look it would get rows.
    monkeypatch.setattr(Confirmation, "evidence", lambda *_: 2.0)
    assert len(fer_batch.analyze(tmp_path / "socket.mp4", fps=10)) > 10


def test_mediapipe_is_loaded_when_a_face_is_unsure() -> None:
    """It takes a second to load and some fifty megabytes."""
    program = """
import sys
import numpy as np
from helpers.detection_samples import frame, socket
from helpers.paths import ASTRONAUT
from helpers.people import picture
from fer_batch.detection.finder import FaceFinder, FirstLook
from benchmarks.tracking.backgrounds import background

with FaceFinder("auto") as finder:
    assert not len(finder.find_confirmed(frame(background("wood", (640, 360), np.random.default_rng(0)))))
    assert len(finder.find_confirmed(frame(picture(ASTRONAUT)))) == 1
    print("mediapipe" in sys.modules)
    assert not len(finder.find_confirmed(frame(socket())))
    print("mediapipe" in sys.modules)
"""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True"]
