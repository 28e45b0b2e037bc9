"""A camera watched for long: latency, dropped frames and memory, also with a classifier that is too slow.

``PYTHONPATH=tests python -m benchmarks.soak [CLIP] [--minutes 30] [--slow-ms 0] [--json]``

The clip is served over RTSP, looped, and watched as ``fer-batch live`` does in one process. Memory is this process's
resident set: after two minutes (or two fifths of the time), and at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer
from typing import Any

import numpy as np
import psutil
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.rtsp import RtspServer

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.config import Outputs, Settings
from fer_batch.live.events import Counts, FrameAnalyzed, Interrupted, LiveMessage
from fer_batch.live.options import CaptureOptions, LiveJob, LiveOptions
from fer_batch.live.runner import watch
from fer_batch.live.source_url import parse_address


class Unwatched:
    """Nobody looks at pictures."""

    wanted = False

    def show(self, jpeg: bytes) -> None:
        """Takes none."""


def served(clip: Path, folder: Path, minutes: float) -> Path:
    """The clip as a camera sends it, 25 frames a second at 640 pixels, as often as it takes."""
    once, target = folder / "once.mp4", folder / "cam.mp4"
    options = ("-an", "-vf", "fps=25,scale=640:-2", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency")
    ffmpeg("-i", clip, *options, "-g", "50", once)
    lasts = float(ffprobe_s(once))
    ffmpeg("-stream_loop", str(int(minutes * 60 / lasts) + 2), "-i", once, "-c", "copy", target)
    return target


def ffprobe_s(path: Path) -> float:
    """Seconds that a clip lasts."""
    from fer_batch.video.video_reader import VideoFile

    with VideoFile(path) as file:
        assert file.probe.duration_s is not None
        return file.probe.duration_s


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--slow-ms", type=float, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.slow_ms:
        slow_down(given.slow_ms / 1000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = folder / "clips"
        clips.mkdir()
        served(given.clip, clips, given.minutes)
        server = RtspServer(clips)
        try:
            result = measure(server.url("cam.mp4"), folder / "out", given.minutes * 60)
        finally:
            server.kill()
    print(json.dumps(result) if given.json else "\n".join(f"{key:32} {value}" for key, value in result.items()))


def slow_down(seconds: float) -> None:
    """Makes every classification take so much longer."""
    classify = EmotionClassifier.classify

    def slow(self: EmotionClassifier, crops: Any) -> Any:
        time.sleep(seconds)
        return classify(self, crops)

    EmotionClassifier.classify = slow  # type: ignore[method-assign]


def measure(url: str, out: Path, seconds: float) -> dict[str, Any]:
    """Watches for so long."""
    stop, process = Event(), psutil.Process()
    # What is measured takes its memory now, and eight bytes a number.
    latencies, times = np.full(int(seconds * 60), 0.1), np.full(int(seconds * 60), 0.1)
    memory: list[tuple[float, float]] = []
    seen = 0
    losses = []
    dropped = [0] * 5
    counts = Counts()
    began = time.monotonic()

    def tell(told: LiveMessage, now: Counts) -> None:
        nonlocal counts, seen
        at = time.monotonic() - began
        dropped[min(4, int(5 * at / seconds))] += now.dropped - counts.dropped
        counts = replace(now)
        if isinstance(told, FrameAnalyzed):
            latencies[seen], times[seen] = told.latency_s, at
            seen += 1
        if isinstance(told, Interrupted):
            losses.append(str(told.error))
        if not memory or at - memory[-1][0] > 1:
            memory.append((at, process.memory_info().rss / 2**20))

    Timer(seconds, stop.set).start()
    options = LiveOptions(CaptureOptions(retries=0), Settings(), Outputs(out, "parquet", False))
    watch(LiveJob("cam", parse_address(url), options), stop, tell, Unwatched())
    settled = min(120.0, 0.4 * seconds)
    early = max((mb for at, mb in memory if at <= settled), default=0.0)
    values = latencies[:seen] * 1000
    parts = np.array_split(values, 5)
    return {
        "seconds": round(seconds),
        "frames arrived": counts.arrived,
        "frames analysed": counts.analysed,
        "frames dropped": counts.dropped,
        "dropped in each fifth": dropped,
        "connections lost": len(losses),
        "latency median ms": round(float(np.median(values)), 1),
        "latency p95 ms": round(float(np.quantile(values, 0.95)), 1),
        "latency max ms": round(float(values.max()), 1),
        "latency p95 of each fifth ms": [round(float(np.quantile(part, 0.95)), 1) for part in parts],
        "longest between results s": round(float(np.diff(times[:seen]).max()), 2),
        "memory early MB": round(early, 1),
        "memory at the end MB": round(memory[-1][1], 1),
        "memory at each fifth MB": [round(float(part[-1][1])) for part in np.array_split(np.array(memory), 5)],
        "growth": f"{memory[-1][1] / early - 1:+.1%}",
        "processor cores": round(sum(process.cpu_times()[:2]) / seconds, 2),
    }


if __name__ == "__main__":
    main()
