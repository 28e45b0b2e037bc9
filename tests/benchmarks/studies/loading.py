"""Seconds and memory that it takes to read a study of a million rows.

PYTHONPATH=tests python -m benchmarks.studies.loading
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_batch.emotions import EMOTIONS
from fer_batch.results.layout import Layout
from fer_batch.results.schema import Provenance
from fer_batch.results.timeline_writers import TimelineWriter
from fer_batch.types import Faces, Observation

FACES = 4
"""In each frame."""
SHAPES = ((1, 1_000_000), (100, 10_000), (1_000, 1_000))
"""Recordings, and rows in each: a million rows in all."""

_COLUMNS = ["time_s", "track", "happy"]
_READERS = {
    "libraries alone": "[]",
    "load": f"fer_batch.load(out, {_COLUMNS})",
    "load, one recording": f"fer_batch.load(out, {_COLUMNS}, '0000.mp4')",
    "dataset, mean": "fer_batch.dataset(out).scanner(['happy']).to_table().group_by([]).aggregate([('happy', 'mean')])",
    "pandas.read_parquet": f"pandas.read_parquet(out + '/timelines', columns={_COLUMNS})",
}
_CHILD = """
import json, resource, sys, time
import fer_batch, pandas, fer_batch.results.reader, pyarrow.dataset
out = sys.argv[1]
began = time.perf_counter()
frame = {reader}
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, peak / 1024, len(frame)]))
"""


def make(out: Path, recordings: int, rows: int) -> None:
    """A study written by the project's own writer."""
    rng = np.random.default_rng(0)
    seen = [_observation(rng) for _ in range(250)]
    for number in range(recordings):
        with TimelineWriter(Layout(out).timeline(f"{number:04}.mp4"), Provenance({}, "none", "")) as writer:
            for frame in range(rows // FACES):
                writer.write(replace(seen[frame % len(seen)], frame=frame, time_s=frame / 25))


def _observation(rng: np.random.Generator) -> Observation:
    probabilities = rng.dirichlet(np.full(len(EMOTIONS), 0.3), FACES).astype(np.float32)
    faces = Faces(
        rng.uniform(0, 1920, (FACES, 4)).astype(np.float32),
        np.zeros((FACES, 6, 2), np.float32),
        rng.uniform(0.5, 1, FACES).astype(np.float32),
        np.arange(1, FACES + 1, dtype=np.int32),
        np.zeros(FACES, np.bool_),
    )
    poses, sharpness = rng.normal(0, 20, (FACES, 3)).astype(np.float32), rng.random(FACES).astype(np.float32)
    return Observation(0, 0.0, faces, probabilities, None, poses, sharpness)


def measure(out: Path, reader: str) -> tuple[float, float, int]:
    """Seconds, MB at most, and rows, in a process of its own."""
    command = [sys.executable, "-c", _CHILD.format(reader=reader), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes, rows = json.loads(done.stdout)
    return seconds, megabytes, rows


def main() -> None:
    print(f"{'recordings':>10} {'rows in each':>12}  {'reader':<20} {'seconds':>7} {'MB':>6} {'rows':>9}")
    for recordings, rows in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), recordings, rows)
            for name, reader in _READERS.items():
                seconds, megabytes, read = measure(Path(folder), reader)
                print(
                    f"{recordings:>10} {rows:>12}  {name:<20} {seconds:>7.2f} {megabytes:>6.0f} {read:>9}", flush=True
                )


if __name__ == "__main__":
    main()
