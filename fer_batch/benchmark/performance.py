"""How fast an analysis is and how much memory it takes, beside what decoding alone costs on the same machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import ffmpeg
import numpy as np
import psutil

from fer_batch.benchmark.excerpt import PICTURES_ALONE, Excerpt, first_stretch, run_ffmpeg, ten_times
from fer_batch.benchmark.tracking_cost import tracking_share
from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.config import Detector, Outputs, Settings
from fer_batch.detection.finder import FirstLook
from fer_batch.errors import InputError
from fer_batch.filesystem.temporary import temporary_folder
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.utils.profiling import StageTimer
from fer_batch.utils.resources import available_cores, this_processor
from fer_batch.video.open import open_source
from fer_batch.video.video_reader import VideoFile

_FACES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What was measured; medians over the rounds. What only a full measurement gives is else None."""

    processor: str
    cores: int
    """Those that were used."""
    instructions: tuple[str, ...] | None
    """Vector instructions of the processor; None where the system does not list them."""
    file: str
    recording_s: float | None
    """How long the recording lasts, where its container says so."""
    measured_s: float | None
    """Seconds of it, from its start, that were measured; None for all."""
    frames: int
    faces: int
    decode_frames_per_second: float
    frames_per_second: float
    """Of the analysis without annotated video, the start-up of Python and models left out."""
    ratio_to_decode: float
    """Frames a second of the analysis over those of decoding alone, round by round in turn."""
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
    start_s: float
    """From the command to the recording's first frame."""
    end_s: float
    """From the recording's end to that of the process."""
    peak_memory_mb: float
    """Resident memory of the process at its largest, MiB, without annotated video."""
    ratio_of_five: float | None = None
    """Seconds of the recording a second with ``--fps 5`` over those with all frames, round by round in turn."""
    ratio_of_five_to_decode: float | None = None
    """The same over those of decoding alone."""
    video_frames_per_second: float | None = None
    """Of the analysis with annotated video."""
    transcode_frames_per_second: float | None = None
    """Of decoding and encoding alone, by the same ffmpeg with the same preset and quality, without sound."""
    ratio_to_transcode: float | None = None
    """Frames a second with annotated video over those of transcoding, round by round in turn."""
    video_stages: dict[str, float] | None = None
    """As ``stages``, with annotated video: also "draw" (with handing over to the encoder) and "encode" (another
    process)."""
    long_frames: int | None = None
    """Of ten times as much of the recording, repeated if it is not that long."""
    long_decode_frames_per_second: float | None = None
    long_frames_per_second: float | None = None
    long_ratio_to_decode: float | None = None
    """Of one analysis and decoding alone before it."""
    long_peak_memory_mb: float | None = None
    memory_growth: float | None = None
    """How much more that is than ``peak_memory_mb``, as a share."""
    detection_ms: float | None = None
    """One look of the detector at the small picture of the recording's first frame."""
    classification_ms: float | None = None
    """One face in a batch of 16 on one thread."""
    ratio_to_detection: float | None = None
    """Classification over detection, timed in turn."""
    following_share: float | None = None
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


def bench(path: Path, runs: int = 3, *, full: bool = False) -> Bench:
    """Measures on a video file, or on so much of it that three rounds take less than two minutes.

    Args:
        path: the recording.
        runs: rounds, in each of which decoding alone and one analysis of each kind are timed in turn.
        full: also what is rarely asked for, which takes several times as long.

    Raises:
        InputError: when the file cannot be read, or an analysis fails.
    """
    with open_source(path) as source:
        if source.probe.kind != "video":
            raise InputError(f"{path}: is a photo; speed is measured on a video.")
        recording_s = source.probe.duration_s
    # All that is read has been read once before anything is timed.
    stretch = first_stretch(path)
    with temporary_folder("bench") as folder:
        long = ten_times(stretch, folder) if full else None
        decode, plain, five, coded, drawn = [], [], [], [], []
        for _ in range(runs):
            decode.append(decode_only(stretch))
            plain.append(_analyse(stretch, folder, "--no-video"))
            if full:
                five.append(_analyse(stretch, folder, "--no-video", "--fps", "5"))
                coded.append(transcode_only(stretch, folder))
                drawn.append(_analyse(stretch, folder, "--video"))
        peak = median(run.peak_mb for run in plain)
        more = {} if long is None else _long(long, folder, peak)
    stages, waits, use = _stage_times(stretch, video=False)
    speeds = [run.frames / run.seconds for run in plain]
    if full:
        more |= _against_decoding(decode, plain, five) | _with_video(stretch, coded, drawn) | _parts(stretch, runs)
    processor = this_processor()
    return Bench(
        processor=processor.name,
        cores=available_cores(),
        instructions=processor.instructions,
        file=str(path),
        recording_s=recording_s,
        measured_s=stretch.end_s,
        frames=plain[0].frames,
        faces=plain[0].faces,
        decode_frames_per_second=median(decode),
        frames_per_second=median(speeds),
        ratio_to_decode=median(speed / alone for speed, alone in zip(speeds, decode, strict=True)),
        stages=stages,
        processor_ms=sum(stages.values()),
        processor_use=use,
        waits=waits,
        start_s=median(run.start_s for run in plain),
        end_s=median(run.end_s for run in plain),
        peak_memory_mb=peak,
        **more,
    )


def _against_decoding(decode: list[float], plain: list[_Run], five: list[_Run]) -> dict[str, Any]:
    rounds = list(zip(decode, plain, five, strict=True))
    return {
        "ratio_of_five": median(every.seconds / some.seconds for _, every, some in rounds),
        "ratio_of_five_to_decode": median(every.frames / some.seconds / alone for alone, every, some in rounds),
    }


def _with_video(stretch: Excerpt, coded: list[float], drawn: list[_Run]) -> dict[str, Any]:
    return {
        "video_frames_per_second": median(run.frames / run.seconds for run in drawn),
        "transcode_frames_per_second": drawn[0].frames / median(coded),
        "ratio_to_transcode": median(alone / run.seconds for alone, run in zip(coded, drawn, strict=True)),
        "video_stages": _stage_times(stretch, video=True)[0],
    }


def _long(stretch: Excerpt, folder: Path, peak_mb: float) -> dict[str, Any]:
    alone = decode_only(stretch)
    run = _analyse(stretch, folder, "--no-video")
    speed = run.frames / run.seconds
    return {
        "long_frames": run.frames,
        "long_decode_frames_per_second": alone,
        "long_frames_per_second": speed,
        "long_ratio_to_decode": speed / alone,
        "long_peak_memory_mb": run.peak_mb,
        "memory_growth": run.peak_mb / peak_mb - 1,
    }


def _parts(stretch: Excerpt, runs: int) -> dict[str, Any]:
    detection, classification = _stages(stretch.path)
    return {
        "detection_ms": median(detection),
        "classification_ms": median(classification),
        "ratio_to_detection": median(face / search for face, search in zip(classification, detection, strict=True)),
        "following_share": median(tracking_share(stretch.path, stretch.selection) for _ in range(runs)),
    }


def decode_only(stretch: Excerpt) -> float:
    """Frames a second of decoding every frame with all threads and doing nothing with it."""
    with VideoFile(stretch.path, threads=0) as source, closing(source.frames()) as decoded:
        began, frames = time.perf_counter(), 0
        for frame in decoded:
            if stretch.end_s is not None and frame.time_s >= stretch.end_s:
                break
            frames += 1
        return frames / (time.perf_counter() - began)


def transcode_only(stretch: Excerpt, folder: Path) -> float:
    """Seconds of decoding and encoding every frame as annotated video is encoded, by one ffmpeg, without sound."""
    limit = {} if stretch.end_s is None else {"t": stretch.end_s}
    stream = ffmpeg.input(str(stretch.path), **limit).output(str(folder / "transcoded.mp4"), **PICTURES_ALONE)
    began = time.perf_counter()
    run_ffmpeg(stream, f"{stretch.path}: cannot be transcoded")
    return time.perf_counter() - began


def _stage_times(stretch: Excerpt, *, video: bool) -> tuple[dict[str, float], dict[str, float], float]:
    """Milliseconds of processor time a frame in each stage and of waiting, and the share of the cores' time used.

    One analysis in this process, after the networks have been used once.
    """
    timer = StageTimer()
    with Engine(Settings(), timer=timer) as engine, temporary_folder("bench") as folder:
        engine.warm_up()
        timer.seconds.clear()
        began, began_s, coded = time.process_time(), time.perf_counter(), _children_s()
        recording = Recording(stretch.path.name, stretch.path)
        outputs = Outputs(folder, video=video)
        record = analyze_recording(engine, recording, stretch.selection, outputs).record
        processor_s, elapsed_s = time.process_time() - began, time.perf_counter() - began_s
        coded = _children_s() - coded
    if record.status == "failed":
        raise InputError(f"{stretch.path}: the analysis to measure failed: {record.error}")
    frames = max(1, record.counts["frames_decoded"])
    stages = {name: 1000 * seconds / frames for name, seconds in timer.seconds.items()}
    stages["other"] = max(0.0, 1000 * processor_s / frames - sum(stages.values()))
    if video:
        stages["encode"] = 1000 * coded / frames
    waits = {name.rpartition(" ")[2]: 1000 * seconds / frames for name, seconds in timer.waits.items()}
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
    with FirstLook(Detector.auto) as finder:
        for _ in range(rounds):
            began = time.perf_counter()
            finder.look(frame)
            between = time.perf_counter()
            classifier.classify(faces)
            detection.append((between - began) * 1000)
            classification.append((time.perf_counter() - between) * 1000 / _FACES)
    return detection, classification


def _analyse(stretch: Excerpt, folder: Path, *options: str) -> _Run:
    """One analysis in a process of its own, whose memory the operating system counts."""
    command = [sys.executable, "-m", "fer_batch", "analyze", str(stretch.path), *stretch.options, *options]
    command += ["-o", str(folder / "out"), "--overwrite", "--json", "-q"]
    began = datetime.now(UTC)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    ended = datetime.now(UTC)
    if process.returncode != 0:
        raise InputError(f"{stretch.path}: the analysis to measure failed with exit status {process.returncode}.")
    record = next(line for line in map(json.loads, text.splitlines()) if line["event"] == "finished")
    started, finished = (datetime.fromisoformat(record[name]) for name in ("started_at", "finished_at"))
    work_s, start_s, end_s = (span.total_seconds() for span in (finished - started, started - began, ended - finished))
    unit = 1 if sys.platform == "darwin" else 1024
    counts = record["counts"]
    return _Run(counts["frames_analysed"], counts["rows"], work_s, start_s, end_s, usage.ru_maxrss * unit / 2**20)
