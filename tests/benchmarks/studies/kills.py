"""A study whose run and workers are killed at random moments, and gone on with: are the results those of a calm run?

``PYTHONPATH=tests python -m benchmarks.studies.kills FOLDER [--kills 20] [--seed 1] [options of analyze]``
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from benchmarks.studies.workers import SCRIPT, tree

import fer_batch

_LONGEST_RUNS = 50
"""More runs than this are not going on but starting anew."""


def analyze(folder: Path, out: Path, options: list[str]) -> subprocess.Popen[bytes]:
    command: list[str | Path] = [SCRIPT, "analyze", folder, "-o", out, "--quiet", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def disturbed(folder: Path, out: Path, options: list[str], kills: int, span_s: float, chance: random.Random) -> int:
    """Kills at random moments until there were so many, then lets the run end; its status."""
    left = kills
    for run in range(1, _LONGEST_RUNS):
        process = analyze(folder, out, options)
        while left and process.poll() is None:
            time.sleep(chance.uniform(0.2, span_s))
            family = tree(process.pid)
            if process.poll() is not None:
                break
            victim = process.pid if chance.random() < 0.5 else chance.choice(family)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            left -= 1
            print(f"run {run}: killed {'the run' if victim == process.pid else 'a process of its own'}, {left} left")
        status = process.wait()
        if not left and status >= 0:
            # Once more: what was lost twice in one run has failed there, for this time.
            return analyze(folder, out, options).wait()
    raise SystemExit(f"not done after {_LONGEST_RUNS} runs")


def same(calm: Path, other: Path) -> bool:
    """Whether all tables hold the same values."""
    equal = True
    for name, table in (("timelines", fer_batch.load), ("tracks", fer_batch.tracks), ("episodes", fer_batch.episodes)):
        try:
            pd.testing.assert_frame_equal(table(calm), table(other), check_exact=True)
        except AssertionError as error:
            equal = False
            print(f"{name} differ: {error}")
        else:
            print(f"{name}: {len(table(calm))} rows, equal")
    return equal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        calm, other = Path(scratch) / "calm", Path(scratch) / "disturbed"
        began = time.monotonic()
        expected = analyze(given.folder, calm, options).wait()
        took_s = time.monotonic() - began
        chance = random.Random(given.seed)
        status = disturbed(given.folder, other, options, given.kills, 2 * took_s / max(1, given.kills), chance)
        equal = same(calm, other)
    print(f"exit status {status}, calm {expected}; {'equal' if equal else 'DIFFERENT'}")
    sys.exit(not equal or status != expected)


if __name__ == "__main__":
    main()
