"""Observations as the pipeline makes them, and the sinks under test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from fer_batch.results.base_writer import TimelineTableWriter
from fer_batch.results.layout import Layout
from fer_batch.results.schema import Provenance
from fer_batch.results.timeline_writers import CsvWriter, TimelineWriter
from fer_batch.types import Faces, Observation

PROVENANCE = Provenance({"detector": "short", "every": 1}, "gray48", "ab" * 32)


def observation(
    frame: int, tracks: list[int], rng: np.random.Generator, *, captured_at: datetime | None = None
) -> Observation:
    n = len(tracks)
    logits = rng.normal(size=(n, 7)).astype(np.float32) * 3
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    faces = Faces(
        rng.uniform(-20, 1920, (n, 4)).astype(np.float32),
        np.zeros((n, 6, 2), np.float32),
        rng.uniform(0.5, 1, n).astype(np.float32),
        np.array(tracks, np.int32),
        rng.random(n) < 0.1,
    )
    poses = rng.normal(0, 20, (n, 3)).astype(np.float32)
    poses[rng.random(n) < 0.1] = np.nan
    sharpness = rng.random(n).astype(np.float32)
    return Observation(frame, frame * 1001 / 30000, faces, probabilities, captured_at, poses, sharpness)


def conversation(frames: int, seed: int = 0, *, live: bool = False) -> Iterator[Observation]:
    """People come and go: 0 to 3 faces a frame in no particular order, every second frame analysed."""
    rng = np.random.default_rng(seed)
    start = datetime(2025, 3, 1, 23, 59, 59, 123456, UTC)
    for frame in range(0, 2 * frames, 2):
        tracks = rng.permutation(np.arange(1, 4) + frame // 50)[: rng.integers(0, 4)].tolist()
        moment = start + timedelta(microseconds=33_333 * frame) if live else None
        yield observation(frame, tracks, rng, captured_at=moment)


def sink(kind: str, out: Path, recording: str = "clip.mp4") -> TimelineTableWriter:
    if kind == "csv":
        return CsvWriter(Layout(out).csv(recording), recording)
    return TimelineWriter(Layout(out).timeline(recording), PROVENANCE)


def write_parquet(out: Path, recording: str, observations: Iterable[Observation]) -> Path:
    path = Layout(out).timeline(recording)
    with TimelineWriter(path, PROVENANCE) as writer:
        for each in observations:
            writer.write(each)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
