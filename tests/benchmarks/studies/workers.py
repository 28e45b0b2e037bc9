"""How much faster a study goes with more workers, and how much memory all its processes take.

One worker looks for faces in all cores already. So there are two ratios: to one worker that has the machine, and to one
that is held to a core, which is what a worker more gains for a core more.

``PYTHONPATH=tests python -m benchmarks.studies.workers FOLDER [--workers 2] [--runs 3] [options of analyze]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread

SCRIPT = Path(sys.executable).parent / "fer-batch"
_LOOK_S = 0.25


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
    return found


def memory_mb(pid: int) -> float:
    """Of a process and all below it, pages that several share counted once (proportional set size)."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


class Watch:
    """Looks at a process's memory until it ends."""

    def __init__(self, pid: int) -> None:
        self.samples: list[float] = []
        self._pid, self._stop = pid, Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            if sample := memory_mb(self._pid):
                self.samples.append(sample)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def measure(folder: Path, workers: int, options: list[str], cores: set[int]) -> tuple[float, list[float]]:
    """Seconds and samples of memory in MB of one run on some cores."""
    with tempfile.TemporaryDirectory() as out:
        command: list[str | Path] = [
            SCRIPT,
            "analyze",
            folder,
            "-o",
            out,
            "--workers",
            str(workers),
            "--quiet",
            *options,
        ]
        began = time.monotonic()
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        os.sched_setaffinity(0, mine)
        watch = Watch(process.pid)
        process.wait()
        seconds = time.monotonic() - began
        watch.end()
        return seconds, watch.samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given, options = parser.parse_known_args()
    every = sorted(os.sched_getaffinity(0))[: given.workers]
    to_all, to_one = [], []
    for _ in range(given.runs):
        # In turn, since a machine that others use changes its speed.
        held, _ = measure(given.folder, 1, options, {every[0]})
        one, alone = measure(given.folder, 1, options, set(every))
        more, together = measure(given.folder, given.workers, options, set(every))
        to_all.append(one / more)
        to_one.append(held / more)
        half = len(together) // 2
        growth = max(together[half:]) / max(together[:half]) - 1
        each = f"{max(together) / given.workers:.0f} MB a worker, second half {growth:+.0%}"
        print(
            f"1 worker on one core {held:.1f} s; 1 worker {one:.1f} s, {max(alone):.0f} MB; {given.workers} workers "
            f"{more:.1f} s, {max(together):.0f} MB ({each}): {held / more:.2f} and {one / more:.2f} times as fast",
            flush=True,
        )
    print(
        f"medians: {given.workers} workers on {len(every)} cores are {statistics.median(to_one):.2f} times as fast "
        f"as one on one core, {statistics.median(to_all):.2f} times as fast as one on all of them"
    )


if __name__ == "__main__":
    main()
