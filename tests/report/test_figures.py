"""Figures in notebooks and for papers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.report_samples import recording
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

import fer_batch
from fer_batch.cli.main import run
from fer_batch.emotions import COLOURS, EMOTIONS
from fer_batch.errors import InputError
from fer_batch.report.figures import write_figures


def corners(area: PolyCollection) -> NDArray[np.float64]:
    """(N, 2) times and heights."""
    return np.asarray(area.get_paths()[0].vertices, np.float64)


def areas_of(axes: Axes) -> list[PolyCollection]:
    """What is filled below curves, without the bars of episodes."""
    found = [each for each in axes.collections if isinstance(each, PolyCollection) and len(each.get_paths()) == 1]
    return [each for each in found if len(corners(each)) > 50]


def test_a_timeline_has_a_panel_a_track_with_gaps_and_the_palette(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.5, tracks=3, missing=[(10, 20)])
    timeline = fer_batch.load(tmp_path)
    figure = fer_batch.plot_timeline(timeline, tracks=[1, 3])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["track 1", "track 3"]
    areas = areas_of(figure.axes[0])
    # Seven areas before the gap, seven after it, none across.
    assert len(areas) == 14
    for area in areas:
        times = corners(area)[:, 0]
        assert times.max() < 10.01 or times.min() >= 20
    drawn = {tuple(np.rint(255 * np.asarray(area.get_facecolor())[0, :3]).astype(int)) for area in areas}
    assert drawn == set(COLOURS.values())
    assert figure._repr_png_()[:4] == b"\x89PNG"  # type: ignore[attr-defined]


def test_a_peak_of_one_frame_is_in_the_lines_of_hours(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=30, tracks=1)
    timeline = fer_batch.load(tmp_path)
    timeline[list(EMOTIONS)] = [0, 0, 0, 0, 0, 0, 1]
    timeline.loc[20_000, list(EMOTIONS)] = [1, 0, 0, 0, 0, 0, 0]
    (axes,) = fer_batch.plot_timeline(timeline, kind="lines").axes
    bands = areas_of(axes)
    assert corners(bands[0])[:, 1].max() == 1
    assert all(len(corners(each)) < 10_000 for each in bands)


def test_shares_are_those_of_the_summary(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.5, tracks=2)
    table = fer_batch.summary(tmp_path).tracks
    (axes,) = fer_batch.plot_shares(fer_batch.load(tmp_path)).axes
    bars = np.array([patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]).reshape(7, 2)
    np.testing.assert_allclose(bars.T, table[[f"{name}_share" for name in EMOTIONS]].to_numpy(float), atol=1e-6)


@pytest.mark.slow
def test_a_whole_study_is_drawn_by_the_command(tmp_path: Path) -> None:
    for name in ("s1/a.mp4", "b $x$.mp4"):
        recording(tmp_path / "out", name, minutes=0.2, tracks=2)
    for form, mark in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
        folder = tmp_path / form
        assert run(["report", str(tmp_path / "out"), "--figures", str(folder), "--format", form]) == 0
        written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"*.{form}"))
        whats = ("shares", "timeline", "transitions")
        expected = [f"{name}-{what}.{form}" for name in ("b $x$.mp4", "s1/a.mp4") for what in whats]
        assert written == sorted([*expected, f"study.{form}"])
        assert all((folder / each).read_bytes().startswith(mark) for each in written)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_the_same_study_gives_the_same_figures(tmp_path: Path, form: str) -> None:
    recording(tmp_path, "a.mp4", minutes=0.1, tracks=1)
    first, second = (
        {path.name: path.read_bytes() for path in write_figures(tmp_path, tmp_path / each, form)} for each in ("1", "2")
    )
    assert first == second


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.1, tracks=1)
    timeline = fer_batch.load(tmp_path)
    with pytest.raises(InputError, match="no column 'happy'"):
        fer_batch.plot_timeline(timeline.drop(columns="happy"))
    with pytest.raises(InputError, match="no face to draw"):
        fer_batch.plot_timeline(timeline, tracks=[7])
    with pytest.raises(InputError, match="give 'stacked' or 'lines'"):
        fer_batch.plot_timeline(timeline, kind="pie")  # type: ignore[arg-type]
