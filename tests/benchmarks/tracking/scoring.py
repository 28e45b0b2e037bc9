"""How well faces were found and followed.

HOTA, IDF1, MOTA and identity switches are those of the package ``trackers``, which follows TrackEval. A hard cut ends
every track, so whoever is seen before and after it is two for these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from benchmarks.tracking.composition import Scene, TrueFace
from benchmarks.tracking.contestants import Followed, Run
from numpy.typing import NDArray

EXPECTED = 0.7
"""Share of a face that must be visible for it to be expected. Who finds one of which less is seen, has neither found a
face nor made a mistake."""
FOUND = 0.5
"""Least overlap of a reported box with the true one."""
_NEAR = 0.3
"""Least overlap with a face that is not expected, for the report to be about that face."""
_LASTING_S = 0.1
"""Time for which a track must be on a person to count."""
HEIGHTS = ((16, 24), (24, 40), (40, 80), (80, 10_000))
"""Classes of face heights in pixels."""
_CLEAR = 0.95
"""Share of a face that is visible where only its height is to decide whether it is found."""


@dataclass(slots=True)
class Score:
    """What is counted in a scene, or in several."""

    hota: list[dict[str, Any]] = field(default_factory=list)
    """One for each scene, as the package ``trackers`` gives it; so the next two."""
    clear: list[dict[str, Any]] = field(default_factory=list)
    identity: list[dict[str, Any]] = field(default_factory=list)
    mixed: int = 0
    """Tracks that were on two people or more."""
    split: int = 0
    """Tracks beyond one for each person in each shot."""
    across: int = 0
    """Tracks that went over a hard cut from one person to another."""
    heights: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Wholly visible faces by their height."""
    heights_found: Counter[tuple[int, int]] = field(default_factory=Counter)
    empty_s: float = 0.0
    """Duration of scenes without anybody."""
    false_tracks: int = 0
    """Tracks in them."""
    false_share_s: float = 0.0
    """Time in them at which a face was reported."""
    frames: int = 0
    tracking_s: float = 0.0

    def add(self, other: Score) -> None:
        """Counts another one's scenes too."""
        for name in ("hota", "clear", "identity"):
            getattr(self, name).extend(getattr(other, name))
        for name in ("mixed", "split", "across", "empty_s", "false_tracks", "false_share_s", "frames", "tracking_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.heights.update(other.heights)
        self.heights_found.update(other.heights_found)

    def summary(self) -> dict[str, Any]:
        """The numbers, None where there is nothing to tell them from."""
        from trackers.eval import aggregate_clear_metrics, aggregate_hota_metrics, aggregate_identity_metrics

        with_faces = bool(self.hota)
        hota = aggregate_hota_metrics(self.hota) if with_faces else {}
        clear = aggregate_clear_metrics(self.clear) if with_faces else {}
        identity = aggregate_identity_metrics(self.identity) if with_faces else {}
        return {
            "hota": _number(hota.get("HOTA")),
            "det_a": _number(hota.get("DetA")),
            "ass_a": _number(hota.get("AssA")),
            "idf1": _number(identity.get("IDF1")),
            "mota": _number(clear.get("MOTA")),
            "recall": _number(clear.get("CLR_Re")),
            "precision": _number(clear.get("CLR_Pr")),
            "switches": int(clear["IDSW"]) if clear else None,
            "mixed": self.mixed,
            "split": self.split,
            "across_cuts": self.across,
            "recall_by_height": {
                f"{low}-{high}" if high < 10_000 else f"{low}+": self.heights_found[low, high] / self.heights[low, high]
                for low, high in HEIGHTS
                if self.heights[low, high]
            },
            "false_faces_a_minute": self.false_tracks / self.empty_s * 60 if self.empty_s else None,
            "false_share": self.false_share_s / self.empty_s if self.empty_s else None,
            "frames": self.frames,
            "tracking_frames_a_second": self.frames / self.tracking_s if self.tracking_s else None,
        }


def score(scene: Scene, run: Run) -> Score:
    """What a run through a scene is worth."""
    assert len(run.truth) == len(run.frames) == scene.frame_count
    result = Score(frames=len(run.frames), tracking_s=run.tracking_s)
    if not any(run.truth):
        result.add(score_empty(run.frames, scene.seconds))
        return result
    judged = [_judge(faces, frame) for faces, frame in zip(run.truth, run.frames, strict=True)]
    shots = [bisect_right(scene.cuts, index / scene.fps + 1e-9) for index in range(len(judged))]
    _measure([one.in_shot(shot) for one, shot in zip(judged, shots, strict=True)], result)
    met = Counter((person, shot, track) for one, shot in zip(judged, shots, strict=True) for person, track in one.pairs)
    lasting = [who for who, count in met.items() if count / scene.fps >= _LASTING_S - 1e-9]
    people_of = {(track, person) for person, _, track in lasting}
    result.mixed = sum(count > 1 for count in Counter(track for track, _ in people_of).values())
    result.split = sum(count - 1 for count in Counter((person, shot) for person, shot, _ in lasting).values())
    result.across = _across(scene, judged)
    for one in judged:
        result.heights.update(one.heights)
        result.heights_found.update(one.heights_found)
    return result


def score_empty(frames: Sequence[Followed], seconds: float) -> Score:
    """What is reported in evenly spaced frames without a face."""
    return Score(
        empty_s=seconds,
        false_tracks=len({track for frame in frames for track in frame.tracks.tolist()}),
        false_share_s=seconds * sum(len(frame.tracks) > 0 for frame in frames) / len(frames),
    )


def changes(scene: Scene, run: Run) -> Iterator[str]:
    """A line for each frame in which other people are found than before, or in other tracks."""
    before = None
    for index, (faces, frame) in enumerate(zip(run.truth, run.frames, strict=True)):
        tracks = dict(_judge(faces, frame).pairs)
        words = []
        for face in sorted(faces, key=lambda one: one.identity):
            missing = "missed" if face.visible >= EXPECTED else "-"
            words.append(f"{face.identity} {tracks.get(face.identity, missing)}")
        others = sorted(set(frame.tracks.tolist()) - set(tracks.values()))
        words += [f"nobody {track}" for track in others]
        if words != before:
            yield f"{index / scene.fps:7.2f} s  {'   '.join(words)}"
        before = words


@dataclass(frozen=True, slots=True)
class _Judged:
    """A frame without the faces that are not expected, and without reports about them."""

    people: list[str]
    tracks: NDArray[np.integer[Any]]
    overlaps: NDArray[np.float64]
    """(people, tracks)."""
    pairs: list[tuple[str, int]]
    """Who was found, and in which track."""
    heights: list[tuple[int, int]]
    heights_found: list[tuple[int, int]]

    def in_shot(self, shot: int) -> _Judged:
        """With people who are others in every shot."""
        return replace(self, people=[f"{person} in shot {shot}" for person in self.people])


def overlaps(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Intersection over union of every pair of (N, 4) and (M, 4) boxes x, y, width, height."""
    upper = np.maximum(a[:, None, :2], b[None, :, :2])
    lower = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(lower - upper, 0, None).prod(2)
    union = a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def _judge(faces: tuple[TrueFace, ...], frame: Followed) -> _Judged:
    expected = [face for face in faces if face.visible >= EXPECTED]
    others = [face for face in faces if face.visible < EXPECTED]
    table = overlaps(_boxes(expected), frame.boxes)
    pairs = matches(table, FOUND)
    # A report that is about an expected face stays, whatever else is near.
    free = np.ones(len(frame.tracks), bool)
    free[[column for _, column in pairs]] = False
    near = overlaps(_boxes(others), frame.boxes).max(0, initial=0.0) >= _NEAR
    keep = ~(free & near)
    clear = [(row, face) for row, face in enumerate(expected) if face.visible >= _CLEAR]
    rows = {row for row, _ in pairs}
    return _Judged(
        [face.identity for face in expected],
        frame.tracks[keep],
        table[:, keep],
        [(expected[row].identity, int(frame.tracks[column])) for row, column in pairs],
        [one for _, face in clear if (one := _height(face)) is not None],
        [one for row, face in clear if row in rows and (one := _height(face)) is not None],
    )


def _measure(judged: list[_Judged], result: Score) -> None:
    from trackers.eval import compute_clear_metrics, compute_hota_metrics, compute_identity_metrics

    names = sorted({person for one in judged for person in one.people})
    people = [np.array([names.index(person) for person in one.people], int) for one in judged]
    tracks = [one.tracks.astype(int) for one in judged]
    tables = [one.overlaps for one in judged]
    result.hota.append(compute_hota_metrics(people, tracks, tables))
    result.clear.append(compute_clear_metrics(people, tracks, tables, threshold=FOUND))
    result.identity.append(compute_identity_metrics(people, tracks, tables, threshold=FOUND))


def _across(scene: Scene, judged: list[_Judged]) -> int:
    """Tracks that belong to one person before a hard cut and to another one after it."""
    edges = [0.0, *scene.cuts, scene.seconds]
    owners: list[dict[int, str]] = []
    for start, end in pairwise(edges):
        met = Counter(
            (track, person)
            for index, one in enumerate(judged)
            if start <= index / scene.fps < end
            for person, track in one.pairs
        )
        owners.append({track: person for (track, person), _ in reversed(met.most_common())})
    return sum(
        track in after and after[track] != person
        for before, after in pairwise(owners)
        for track, person in before.items()
    )


def matches(table: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """Pairs of a row and a column, one to one, best first."""
    left, pairs = table.copy(), []
    while left.size and left.max() >= least:
        row, column = divmod(int(left.argmax()), left.shape[1])
        pairs.append((row, column))
        left[row, :] = left[:, column] = -1
    return pairs


def _height(face: TrueFace) -> tuple[int, int] | None:
    return next((pair for pair in HEIGHTS if pair[0] <= face.box[3] < pair[1]), None)


def _boxes(faces: list[TrueFace]) -> NDArray[np.float64]:
    return np.array([face.box for face in faces], np.float64).reshape(-1, 4)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
