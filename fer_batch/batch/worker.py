"""A worker process: analyses one recording after another for a run that supervises it.

It is a process of its own so that nothing that a recording does to it, a crash of a decoder included, touches others.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from logging import LogRecord
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import IO, Any

from fer_batch.batch.messages import (
    Alive,
    Analyze,
    Begin,
    Done,
    EstimateJob,
    EstimateReply,
    Job,
    ProbeJob,
    ProbeReply,
    PublishPartialJob,
)
from fer_batch.batch.plan import Task, guarded, record_failure
from fer_batch.config import Outputs
from fer_batch.errors import FerBatchError
from fer_batch.pipeline.result import Progress, RecordingResult
from fer_batch.results.layout import Layout
from fer_batch.utils.logs import send_records
from fer_batch.workers.protocol import (
    OUT_OF_MEMORY,
    Failed,
    Logged,
    Stop,
    failure,
    ignore_signals,
    received,
    reply_pipe,
    send,
)

_TELL_S = 0.2
"""Time between two messages about progress: five times a second is smooth to the eye."""
_OPENING_BYTES = 600 << 20
"""Memory in which FFmpeg must find out what a file is: its index of some 12 million samples, which are days."""
_REHEARSAL_S = 3.0
"""The first second or so goes into models that warm up and the search of the first picture; then the rate is steady."""
_REHEARSED_FRAMES = 400
"""Most frames of a rehearsal."""


def main() -> None:
    """Works until standard input ends; see :mod:`fer_batch.batch.messages`."""
    ignore_signals()
    replies = reply_pipe()
    jobs: SimpleQueue[Any] = SimpleQueue()
    stop = Event()
    Thread(target=_listen, args=(sys.stdin.buffer, jobs, stop), name="fer-batch jobs", daemon=True).start()
    begin = jobs.get()
    assert isinstance(begin, Begin)
    worker = _Worker(begin, replies, stop)
    send_records(worker.log, begin.log_level)
    # From here on, whatever ends this process is the doing of a recording.
    worker.live()
    while True:
        worker.work(jobs.get())


def _listen(pipe: IO[bytes], jobs: SimpleQueue[Any], stop: Event) -> None:
    for message in received(pipe):
        if isinstance(message, Stop):
            stop.set()
        else:
            jobs.put(message)
    # Whoever supervised is done, or dead: nothing of what is being made has a name yet.
    os._exit(0)


class _Worker:
    """The work on one job after another."""

    def __init__(self, begin: Begin, replies: IO[bytes], stop: Event) -> None:
        self._begin, self._replies, self._stop = begin, replies, stop
        self._engine: Any = None
        self._reported_s = 0.0
        self._sending = Lock()

    def work(self, job: Job) -> None:
        """Does it and replies."""
        try:
            match job:
                case ProbeJob(task):
                    reply: object = ProbeReply(_probe(task, self._begin.settings.max_pixels))
                case EstimateJob(task):
                    reply = self._rehearse(task)
                case Analyze(task):
                    reply = self._analyze(task)
                case PublishPartialJob(task, error):
                    reply = self._salvage(task, error)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except FerBatchError as error:
            reply = Failed(error)
        except Exception as error:
            reply = Failed(failure(error), traceback.format_exc())
        self._send(reply)

    def _send(self, message: object) -> None:
        try:
            # Signs of life come from a thread of their own.
            with self._sending:
                send(self._replies, message)
        except OSError:
            os._exit(0)

    def log(self, record: LogRecord) -> None:
        """Have a record handled by the process that supervises this one."""
        self._send(Logged(record))

    def live(self) -> None:
        """Gives a sign of life."""
        self._send(Alive(None))

    def _tell(self, progress: Progress | None) -> None:
        now = time.monotonic()
        if now - self._reported_s >= _TELL_S:
            self._reported_s = now
            self._send(Alive(progress))

    def _analyze(self, task: Task) -> Done:
        from fer_batch.pipeline.recording import analyze_recording

        analyze = partial(
            analyze_recording,
            self._loaded(),
            task.recording,
            self._begin.selection,
            task.outputs,
            self._tell,
            self._stop,
            fresh=task.fresh,
            on_alive=self.live,
            opening_bytes=_OPENING_BYTES,
        )
        return self._guarded(analyze, task)

    def _guarded(self, analyze: Callable[[], RecordingResult], task: Task) -> Done:
        outcome = guarded(analyze, task, self._begin.settings, self._begin.selection)
        cause, outcome.cause = outcome.cause, None
        if isinstance(cause, MemoryError):
            os._exit(OUT_OF_MEMORY)
        return Done(outcome, None if cause is None else "".join(traceback.format_exception(cause)))

    def _salvage(self, task: Task, error: FerBatchError) -> Done:
        from fer_batch.pipeline.recording import publish_committed

        def publish() -> RecordingResult:
            outcome = publish_committed(Layout(task.outputs.folder), task.recording, error)
            return outcome or record_failure(task, error, self._begin.settings, self._begin.selection)

        return self._guarded(publish, task)

    def _rehearse(self, task: Task) -> EstimateReply | None:
        """Times an analysis whose results go nowhere; None where nothing could be analysed."""
        from fer_batch.filesystem.temporary import temporary_folder
        from fer_batch.pipeline.recording import analyze_recording

        times: list[tuple[float, int]] = []
        enough = Event()
        began = time.monotonic()

        def note(progress: Progress) -> None:
            times.append((time.monotonic(), progress.frames))
            self._tell(progress)
            if times[-1][0] - began > _REHEARSAL_S or len(times) >= _REHEARSED_FRAMES or self._stop.is_set():
                enough.set()

        engine = self._loaded()
        began = time.monotonic()
        with temporary_folder("dry-run") as folder:
            outputs = Outputs(folder, task.outputs.timeline, task.outputs.video)
            recording = replace(task.recording, annotated=None)
            analyze_recording(engine, recording, self._begin.selection, outputs, note, enough)
        if not times:
            return None
        took_s, (first_s, first), (last_s, last) = time.monotonic() - began, times[0], times[-1]
        rate = (last - first) / (last_s - first_s) if last_s > first_s else math.inf
        return EstimateReply(took_s - (last_s - first_s), rate)

    def _loaded(self) -> Any:
        """The models, loaded once."""
        if self._engine is None:
            import cv2

            from fer_batch.pipeline.engine import Engine

            # Left to itself, each worker would take all cores.
            cv2.setNumThreads(self._begin.threads)
            self._engine = Engine(self._begin.settings, self._begin.threads)
        return self._engine


def _probe(task: Task, max_pixels: int) -> Any:
    from fer_batch.video.open import open_source

    try:
        with open_source(task.recording.path, max_pixels, _OPENING_BYTES) as source:
            return source.probe
    except Exception:
        # The analysis will say why.
        return None
