"""What the scores say of reports whose worth is plain."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from benchmarks.tracking.composition import Scene, Shot, TrueFace
from benchmarks.tracking.contestants import Followed, Run
from benchmarks.tracking.scoring import score

pytest.importorskip("trackers", reason="the metrics come from the package trackers")

FPS = 10.0
SECONDS = 4.0
PLACE = (200.0, 100.0, 80.0, 80.0)


def made(*cuts: float) -> Scene:
    """A scene of which only the frames' times matter."""
    edges = [0.0, *cuts, float("inf")]
    nothing = np.zeros((1, 1, 3), np.uint8)
    shots = tuple(Shot(nothing, (), start, end) for start, end in pairwise(edges))
    return Scene("scene", "group", (640, 360), FPS, SECONDS, shots)


def run(
    truth: Callable[[float], list[tuple[str, float, float]]], report: Callable[[float], list[tuple[int, float]]]
) -> Run:
    """Faces and reports by time: identity, x and share visible; track and x."""
    faces, frames = [], []
    for index in range(round(SECONDS * FPS)):
        time_s = index / FPS
        faces.append(tuple(TrueFace(who, (x, *PLACE[1:]), seen) for who, x, seen in truth(time_s)))
        told = report(time_s)
        boxes = np.array([(x, *PLACE[1:]) for _, x in told], float).reshape(-1, 4)
        frames.append(Followed(boxes, np.array([track for track, _ in told], int)))
    return Run(faces, frames, 1.0)


def two_people(_: float) -> list[tuple[str, float, float]]:
    return [("ann", 100.0, 1.0), ("bob", 400.0, 1.0)]


def test_a_report_of_the_truth_is_perfect() -> None:
    result = score(made(), run(two_people, lambda _: [(1, 100.0), (2, 400.0)])).summary()
    assert result["hota"] == result["idf1"] == result["mota"] == result["recall"] == pytest.approx(1)
    assert result["switches"] == result["mixed"] == result["split"] == result["across_cuts"] == 0
    assert result["recall_by_height"] == {"80+": 1}


def test_exchanged_numbers_are_two_switches_and_two_mixed_tracks() -> None:
    def report(time_s: float) -> list[tuple[int, float]]:
        return [(1, 100.0), (2, 400.0)] if time_s < 2 else [(2, 100.0), (1, 400.0)]

    result = score(made(), run(two_people, report)).summary()
    assert (result["switches"], result["mixed"], result["split"]) == (2, 2, 2)
    assert result["mota"] == pytest.approx(1 - 2 / 80)
    assert result["idf1"] == pytest.approx(0.5)


def test_a_new_number_after_a_gap_is_a_split_but_mixes_nobody() -> None:
    def report(time_s: float) -> list[tuple[int, float]]:
        return [(1, 100.0), *([] if 1 <= time_s < 2 else [(2 if time_s < 2 else 3, 400.0)])]

    result = score(made(), run(two_people, report)).summary()
    assert (result["switches"], result["mixed"], result["split"]) == (1, 0, 1)
    assert result["recall"] == pytest.approx(70 / 80)


def test_a_hidden_face_is_neither_missed_nor_wrongly_found() -> None:
    def truth(time_s: float) -> list[tuple[str, float, float]]:
        return [("ann", 100.0, 1.0), ("bob", 400.0, 0.3 if time_s < 2 else 1.0)]

    silent = run(truth, lambda time_s: [(1, 100.0), *([(2, 400.0)] if time_s >= 2 else [])])
    eager = run(truth, lambda _: [(1, 100.0), (2, 400.0)])
    for one in (silent, eager):
        assert score(made(), one).summary()["mota"] == pytest.approx(1)


def test_a_track_that_goes_over_a_cut_to_another_person_is_counted() -> None:
    def truth(time_s: float) -> list[tuple[str, float, float]]:
        return [("ann" if time_s < 2 else "bob", 100.0, 1.0)]

    assert score(made(2.0), run(truth, lambda _: [(1, 100.0)])).summary()["across_cuts"] == 1
    assert score(made(), run(truth, lambda _: [(1, 100.0)])).summary()["across_cuts"] == 0
    ended = run(truth, lambda time_s: [(1 if time_s < 2 else 2, 100.0)])
    assert score(made(2.0), ended).summary()["across_cuts"] == 0


def test_faces_reported_where_nobody_is_are_counted_by_the_minute() -> None:
    result = score(made(), run(lambda _: [], lambda time_s: [(1, 50.0)] if time_s < 1 else [])).summary()
    assert result["false_faces_a_minute"] == pytest.approx(60 / SECONDS)
    assert result["false_share"] == pytest.approx(0.25)
    assert result["hota"] is None
