"""Drawings stay inside the picture, can be read anywhere and hide no face that they need not hide."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_batch.annotation.annotator import Annotator, text_size
from fer_batch.annotation.canvas import Patch, Yuv420Canvas, lay_onto_rgb
from fer_batch.emotions import EMOTIONS
from fer_batch.types import Faces, Observation
from fer_batch.video.frame import Display, Frame

Box = tuple[float, float, float, float]


def observe(*boxes: Box, emotion: str = "happy", classified: bool = True) -> Observation:
    n = len(boxes)
    probabilities = np.full((n, 7), 0.05, np.float32)
    probabilities[:, EMOTIONS.index(emotion)] = 0.7
    faces = Faces(
        np.array(boxes, np.float32).reshape(n, 4),
        np.zeros((n, 6, 2), np.float32),
        np.ones(n, np.float32),
        np.arange(1, n + 1, dtype=np.int32),
    )
    return Observation(0, 0.0, faces, probabilities if classified else np.zeros((0, 7), np.float32))


def area(patch: Patch) -> tuple[int, int, int, int]:
    h, w = patch.rgba.shape[:2]
    return patch.x, patch.y, patch.x + w, patch.y + h


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def grounds(patches: list[Patch], em: int) -> list[Patch]:
    """The labels and charts among the patches: those as high as text."""
    return [p for p in patches if min(p.rgba.shape[:2]) > em]


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 360), (1080, 1920), (3840, 2160)])
@pytest.mark.parametrize(
    "place", [(0.3, 0.3), (-0.02, -0.02), (0.9, 0.9), (0.9, -0.02), (0.0, 0.85)], ids=lambda p: f"{p[0]},{p[1]}"
)
@pytest.mark.parametrize("size", [0.08, 0.3, 1.1])
def test_nothing_reaches_beyond_the_picture(width: int, height: int, place: tuple[float, float], size: float) -> None:
    side = size * min(width, height)
    patches = Annotator().annotate(observe((place[0] * width, place[1] * height, side, side)), width, height)
    assert patches
    for patch in patches:
        x0, y0, x1, y1 = area(patch)
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= width
        assert y1 <= height


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 360), (3840, 2160)])
@pytest.mark.parametrize("background", [0, 128, 255])
def test_labels_can_be_read_on_any_background(width: int, height: int, background: int) -> None:
    picture = np.full((height, width, 3), background, np.uint8)
    patches = Annotator().annotate(observe((width * 0.3, height * 0.3, height * 0.3, height * 0.3)), width, height)
    lay_onto_rgb(picture, patches)
    for patch in grounds(patches, text_size(width, height)):
        x0, y0, x1, y1 = area(patch)
        luminance = ((picture[y0:y1, x0:x1] / 255.0) ** 2.2) @ np.array([0.2126, 0.7152, 0.0722])
        # WCAG asks for 4.5 between text and its ground; the tag's dot and the corners do not sway the median.
        text, ground = np.percentile(luminance, 99.5), np.median(luminance)
        assert (text + 0.05) / (ground + 0.05) > 4.5


def test_text_grows_with_the_picture() -> None:
    sizes = [text_size(*size) for size in [(160, 120), (640, 360), (1920, 1080), (3840, 2160)]]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 11
    assert sizes[3] == pytest.approx(2160 / 32, abs=1)


def test_a_chart_covers_no_other_face_label_or_chart() -> None:
    boxes = [(60.0, 120.0, 90.0, 90.0), (160.0, 100.0, 90.0, 90.0), (420.0, 130.0, 90.0, 90.0)]
    em = text_size(640, 360)
    patches = grounds(Annotator().annotate(observe(*boxes), 640, 360), em)
    charts = [area(p) for p in patches if p.rgba.shape[0] > 4 * em]
    labels = [area(p) for p in patches if p.rgba.shape[0] <= 4 * em]
    assert len(charts) == 3
    assert len(labels) == 3
    everything = [*charts, *labels, *((x, y, x + w, y + h) for x, y, w, h in boxes)]
    for i, a in enumerate(everything):
        assert not any(overlap(a, b) for b in everything[i + 1 :])


def test_a_small_face_in_a_small_picture_gets_its_label_alone() -> None:
    em = text_size(160, 120)
    patches = grounds(Annotator().annotate(observe((60, 40, 40, 40)), 160, 120), em)
    assert [p.rgba.shape[0] < 2 * em for p in patches] == [True]


def test_a_face_that_fills_the_picture_keeps_its_chart() -> None:
    em = text_size(640, 360)
    patches = grounds(Annotator().annotate(observe((20, -20, 600, 400)), 640, 360), em)
    assert any(p.rgba.shape[0] > 4 * em for p in patches)


def test_charts_do_not_jump_while_a_face_moves_to_and_fro() -> None:
    annotator, em = Annotator(), text_size(640, 360)
    # Moves across the place where the chart, newly placed, would change from the right side to the left.
    sides = []
    for x in [400.0, 430, 443, 440, 445, 442, 446]:
        chart = next(p for p in annotator.annotate(observe((x, 100, 90, 90)), 640, 360) if p.rgba.shape[0] > 4 * em)
        sides.append(chart.x > x)
    changes = sum(a != b for a, b in pairwise(sides))
    assert changes <= 1


def test_faces_not_classified_and_observations_without_faces_are_drawn() -> None:
    annotator = Annotator()
    assert annotator.annotate(observe(), 640, 360) == []
    assert annotator.annotate(observe((10, 10, 50, 50), classified=False), 640, 360)


def test_a_video_frame_and_a_photograph_look_the_same() -> None:
    gray: NDArray[np.uint8] = np.full((240, 320, 3), 90, np.uint8)
    patches = Annotator().annotate(observe((100, 80, 81, 77), emotion="fear"), 320, 240)
    canvas = Yuv420Canvas(320, 240, bt709=False)
    canvas.load(Frame(0, 0.0, av.VideoFrame.from_ndarray(gray, format="rgb24"), Display(320, 240)))
    canvas.lay(patches)
    video = av.VideoFrame.from_ndarray(canvas.buffer.reshape(360, 320), format="yuv420p").to_ndarray(format="rgb24")
    photo = gray.copy()
    lay_onto_rgb(photo, patches)
    # Colour is stored at half the resolution, so edges differ; their averages do not.
    assert np.abs(video.astype(int) - photo).mean() < 2.5
    assert np.abs(video.mean((0, 1)) - photo.mean((0, 1))).max() < 1.5
