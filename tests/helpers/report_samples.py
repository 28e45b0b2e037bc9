"""Studies to make reports of, without analysing anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.results.episode_writer import episode_batch
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.results.schema import TIMELINE, emotion_array
from fer_batch.segmentation.episode_finder import find_episodes
from fer_batch.segmentation.hysteresis import EpisodeRules

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def document(out: Path, recording: str, status: str = "done", **values: object) -> None:
    """The document of a recording."""
    record = RecordingRecord(recording, f"/videos/{recording}", status, NOON, NOON)  # type: ignore[arg-type]
    for name, value in values.items():
        setattr(record, name, value)
    record.write(Layout(out).record(recording))


def moods(rng: np.random.Generator, rows: int, frame_rate: float) -> NDArray[np.float32]:
    """(rows, 7) probabilities that change as faces do: moods of some seconds, with noise from frame to frame."""
    changes = max(2, int(rows / frame_rate / 6))
    levels = rng.normal(0, 2.5, (changes, len(EMOTIONS)))
    levels[np.arange(changes), rng.integers(0, len(EMOTIONS), changes)] += 4
    at = np.linspace(0, changes - 1, rows)
    logits = np.stack([np.interp(at, np.arange(changes), each) for each in levels.T], 1)
    raised = np.exp(logits + rng.normal(0, 0.35, logits.shape))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def recording(
    out: Path,
    name: str,
    *,
    minutes: float,
    tracks: int,
    frame_rate: float = 25,
    missing: list[tuple[float, float]] | None = None,
    seed: int = 0,
    **values: object,
) -> None:
    """A recording with its timeline and episodes.

    Args:
        out: output folder.
        name: its id.
        minutes: length.
        tracks: faces, each in view all the time.
        frame_rate: frames a second.
        missing: from when to when, in seconds, nobody is seen.
        seed: of everything that is chance.
        values: of the document.
    """
    rng = np.random.default_rng(seed)
    frames = np.arange(int(minutes * 60 * frame_rate))
    for begin, end in missing or []:
        frames = frames[(frames / frame_rate < begin) | (frames / frame_rate >= end)]
    times = frames / frame_rate
    seen = []
    for track in range(1, tracks + 1):
        probabilities = moods(rng, len(frames), frame_rate)
        wander = np.cumsum(rng.normal(0, 0.8, (len(frames), 2)), axis=0) % 300
        columns = {
            "frame": frames,
            "time_s": times,
            "captured_at": pa.nulls(len(frames), pa.timestamp("us", "UTC")),
            "track": np.full(len(frames), track, np.int32),
            "x": (wander[:, 0] + 150 * track).astype(np.float32),
            "y": (wander[:, 1] + 100).astype(np.float32),
            "width": np.full(len(frames), 90, np.float32),
            "height": np.full(len(frames), 110, np.float32),
            "score": np.full(len(frames), 0.9, np.float32),
            **dict(zip(EMOTIONS, probabilities.T, strict=True)),
            "emotion": emotion_array(probabilities.argmax(1).astype(np.int8)),
            "confidence": probabilities.max(1),
            "interpolated": rng.random(len(frames)) < 0.01,
            **{pose: np.zeros(len(frames), np.float32) for pose in ("yaw", "pitch", "roll", "sharpness")},
        }
        seen.append(pa.Table.from_pydict(columns, schema=TIMELINE))
    table = pa.concat_tables([TIMELINE.empty_table(), *seen]).sort_by([("frame", "ascending"), ("track", "ascending")])
    path = Layout(out).timeline(name)
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    probabilities = np.stack([table[each].to_numpy() for each in EMOTIONS], 1)
    found = episode_batch(
        find_episodes(table["time_s"].to_numpy(), table["track"].to_numpy(), probabilities, EpisodeRules())
    )
    path = Layout(out).episodes(name)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_batches([found]), path)
    probe = {"kind": "video", "duration_s": minutes * 60, "width": 1280, "height": 720, "frame_rate": frame_rate}
    known: dict[str, object] = {"probe": probe, "counts": {"rows": table.num_rows}, **values}
    document(out, name, "done", **known)
