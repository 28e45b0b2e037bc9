"""How fast an analysis is and how much memory it takes, beside what decoding alone costs on the same machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
import psutil

from fer_batch.bench_following import following_share
from fer_batch.emotion.classifier import EmotionClassifier
from fer_batch.engine import Engine
from fer_batch.errors import InputError
from fer_batch.faces.kinds import Detector
from fer_batch.faces.locator import FaceLocator
from fer_batch.filesystem.temporary import temporary_folder
from fer_batch.inputs import Recording
from fer_batch.machine import available_cores
from fer_batch.outcome import Outputs
from fer_batch.pipeline import analyze_recording
from fer_batch.settings import Settings
from fer_batch.stopwatch import Stopwatch
from fer_batch.video.annotated import CRF, PRESET
from fer_batch.video.file import VideoFile
from fer_batch.video.opening import open_source
from fer_batch.video.selection import Selection

LOOPS = 10
"""How many times longer the recording is that shows whether memory grows."""
_FACES = 16


@dataclass(frozen=True, slots=True)
class Bench:
    """What was measured; medians over the runs."""

    file: str
    frames: int
    faces: int
    decode_frames_per_second: float
    frames_per_second: float
    """Of the analysis without annotated video, the start-up of Python and models left out."""
    ratio_to_decode: float
    """Frames a second of the analysis over those of decoding alone, run by run in turn."""
    video_frames_per_second: float
    """The same with annotated video."""
    transcode_frames_per_second: float
    """Of decoding and encoding alone, by the same ffmpeg with the same preset and quality."""
    ratio_to_transcode: float
    """Frames a second with annotated video over those of transcoding, run by run in turn."""
    ratio_of_five: float
    """Seconds of the recording a second with ``--fps 5`` over those with all frames, run by run in turn."""
    stages: dict[str, float]
    """Milliseconds of processor time a frame, without annotated video: "decode" (with finding cuts), "convert" to what
    the detector sees, "detect", "track" (with closer looks and embeddings), "register" (crops, poses, sharpness),
    "classify", "write", and "other": libraries' own threads, MediaPipe's among them, queues, memory."""
    processor_ms: float
    """The sum of all stages."""
    processor_use: float
    """Share of the cores' time that was used."""
    waits: dict[str, float]
    """Milliseconds a frame for which the stage after it waited for "decode", "look" (detection ahead) and "follow"
    (tracking): the longest is for the one that holds up all."""
    video_stages: dict[str, float]
    """As ``stages``, with annotated video: also "draw" (with handing over to the encoder) and "encode" (another
    process)."""
    start_s: float
    """From the command to the recording's first frame."""
    end_s: float
    """From the recording's end to that of the process."""
    peak_memory_mb: float
    """Resident memory of the process at its largest, MiB, without annotated video."""
    long_peak_memory_mb: float
    """The same on the recording looped ten times."""
    memory_growth: float
    """How much more that is, as a share."""
    detection_ms: float
    """One short-range detection in the recording's first frame."""
    classification_ms: float
    """One face in a batch of 16 on one thread."""
    ratio_to_detection: float
    """Classification over detection, timed in turn."""
    following_share: float
    """Processor time of finding cuts, tracking and steadying over that of the whole analysis."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Run:
    frames: int
    faces: int
    seconds: float
    start_s: float
    end_s: float
    peak_mb: float


def bench(path: Path, runs: int = 3) -> Bench:
    """Measures on a video file.

    Args:
        path: the recording.
        runs: analyses of each kind, after one that is not counted; decoding alone is timed before each.

    Raises:
        InputError: when the file cannot be read, or an analysis fails.
    """
    with open_source(path) as source:
        if source.probe.kind != "video":
            raise InputError(f"{path}: is a photo; speed is measured on a video.")
    decode_only(path)
    with temporary_folder("bench") as folder:
        _analyse(path, folder, "--no-video")
        decode, plain, coded, drawn, five = [], [], [], [], []
        for _ in range(runs):
            decode.append(decode_only(path))
            plain.append(_analyse(path, folder, "--no-video"))
            coded.append(transcode_only(path, folder))
            drawn.append(_analyse(path, folder, "--video"))
            five.append(_analyse(path, folder, "--no-video", "--fps", "5"))
        long = _analyse(_looped(path, folder), folder, "--no-video")
    detection, classification = _stages(path)
    stages, waits, use = _stage_times(path, video=False)
    video_stages, _, _ = _stage_times(path, video=True)
    peak = median(run.peak_mb for run in plain)
    speeds = [run.frames / run.seconds for run in plain]
    return Bench(
        str(path),
        plain[0].frames,
        plain[0].faces,
        median(decode),
        median(speeds),
        median(speed / alone for speed, alone in zip(speeds, decode, strict=True)),
        median(run.frames / run.seconds for run in drawn),
        plain[0].frames / median(coded),
        median(alone / run.seconds for alone, run in zip(coded, drawn, strict=True)),
        median(every.seconds / some.seconds for every, some in zip(plain, five, strict=True)),
        stages,
        sum(stages.values()),
        use,
        waits,
        video_stages,
        median(run.start_s for run in plain),
        median(run.end_s for run in plain),
        peak,
        long.peak_mb,
        long.peak_mb / peak - 1,
        median(detection),
        median(classification),
        median(face / search for face, search in zip(classification, detection, strict=True)),
        median(following_share(path) for _ in range(runs)),
    )


def decode_only(path: Path) -> float:
    """Frames a second of decoding every frame with all threads and doing nothing with it."""
    with VideoFile(path, threads=0) as source:
        began = time.perf_counter()
        frames = sum(1 for _ in source.frames())
        return frames / (time.perf_counter() - began)


def transcode_only(path: Path, folder: Path) -> float:
    """Seconds of decoding and encoding every frame as annotated video is encoded, by one ffmpeg, sound copied."""
    target = folder / "transcoded.mp4"
    began = time.perf_counter()
    settings = {"preset": PRESET, "crf": CRF}
    stream = ffmpeg.input(str(path)).output(
        str(target), **{"c:v": "libx264", "c:a": "copy", "pix_fmt": "yuv420p", "fps_mode": "passthrough"}, **settings
    )
    _run_ffmpeg(stream, f"{path}: cannot be transcoded")
    return time.perf_counter() - began


def _stage_times(path: Path, *, video: bool) -> tuple[dict[str, float], dict[str, float], float]:
    """Milliseconds of processor time a frame in each stage and of waiting, and the share of the cores' time used.

    One analysis in this process, after the networks have been used once.
    """
    stopwatch = Stopwatch()
    with Engine(Settings(), stopwatch=stopwatch) as engine, temporary_folder("bench") as folder:
        engine.warm_up()
        stopwatch.seconds.clear()
        began, began_s, coded = time.process_time(), time.perf_counter(), _children_s()
        recording = Recording(path.name, path)
        outputs = Outputs(folder, video=video)
        record = analyze_recording(engine, recording, Selection(), outputs).record
        processor_s, elapsed_s = time.process_time() - began, time.perf_counter() - began_s
        coded = _children_s() - coded
    if record.status == "failed":
        raise InputError(f"{path}: the analysis to measure failed: {record.error}")
    frames = max(1, record.counts["frames_decoded"])
    stages = {name: 1000 * seconds / frames for name, seconds in stopwatch.seconds.items()}
    stages["other"] = max(0.0, 1000 * processor_s / frames - sum(stages.values()))
    if video:
        stages["encode"] = 1000 * coded / frames
    waits = {name.rpartition(" ")[2]: 1000 * seconds / frames for name, seconds in stopwatch.waits.items()}
    return stages, waits, processor_s / (elapsed_s * available_cores())


def _children_s() -> float:
    """Processor time of this process's children that have ended; where the system does not count it 0."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _stages(path: Path, rounds: int = 40) -> tuple[list[float], list[float]]:
    """Milliseconds of one detection and of classifying one face, round by round in turn."""
    detection, classification = [], []
    with open_source(path) as source:
        frame = next(source.frames())
    classifier = EmotionClassifier(threads=1)
    size = classifier.geometry.size
    faces = np.random.default_rng(0).integers(0, 256, (_FACES, size, size), np.uint8)
    locator = FaceLocator(Detector.short)
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            locator.locate(frame)
            between = time.perf_counter()
            classifier.classify(faces)
            detection.append((between - began) * 1000)
            classification.append((time.perf_counter() - between) * 1000 / _FACES)
    finally:
        locator.close()
    return detection, classification


def _analyse(path: Path, folder: Path, *options: str) -> _Run:
    """One analysis in a process of its own, whose memory the operating system counts."""
    command = [sys.executable, "-m", "fer_batch", "analyze", str(path), "-o", str(folder / "out"), "--overwrite"]
    began = datetime.now(UTC)
    with subprocess.Popen(
        [*command, "--json", "-q", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    ended = datetime.now(UTC)
    if process.returncode != 0:
        raise InputError(f"{path}: the analysis to measure failed with exit status {process.returncode}.")
    record = next(line for line in map(json.loads, text.splitlines()) if line["event"] == "finished")
    started, finished = (datetime.fromisoformat(record[name]) for name in ("started_at", "finished_at"))
    work_s, start_s, end_s = (span.total_seconds() for span in (finished - started, started - began, ended - finished))
    unit = 1 if sys.platform == "darwin" else 1024
    counts = record["counts"]
    return _Run(counts["frames_analysed"], counts["rows"], work_s, start_s, end_s, usage.ru_maxrss * unit / 2**20)


def _looped(path: Path, folder: Path) -> Path:
    """The recording ten times over, copied packet by packet."""
    target = folder / f"looped{path.suffix}"
    stream = ffmpeg.input(str(path), stream_loop=LOOPS - 1).output(str(target), c="copy")
    _run_ffmpeg(stream, f"{path}: cannot be repeated to ten times its length")
    return target


def _run_ffmpeg(stream: Any, failure: str) -> None:
    # It would take keys typed in the terminal for commands.
    quiet = stream.global_args("-nostdin", "-loglevel", "error")
    try:
        quiet.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True, overwrite_output=True)
    except ffmpeg.Error as error:
        reason = " ".join((error.stderr or b"").decode(errors="replace").split())[:160]
        raise InputError(f"{failure} ({reason}); give another video.") from None
