"""A plan carried out: by worker processes, the recordings that take longest first, or in this process."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from threading import Event

from fer_batch.batch.event_log import log_event, logged
from fer_batch.batch.messages import Begin, Finished, Probed, Started, Watch
from fer_batch.batch.plan import Plan, expected_work, guarded
from fer_batch.batch.worker_pool import PoolOptions, WorkerPool
from fer_batch.config import Selection, Settings
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.result import Progress, RecordingResult


def run_parallel(
    plan: Plan,
    begin: Begin,
    pool_options: PoolOptions,
    watch: Watch = lambda event: None,  # noqa: ARG005
    stop: Event | None = None,
) -> Iterator[RecordingResult]:
    """Analyses the planned recordings; each outcome is given as soon as its files are whole.

    Results do not depend on the number of workers or threads. Whatever a recording does to its worker, the others go
    on; see :meth:`fer_batch.batch.worker_pool.WorkerPool.analyze`.

    Args:
        plan: what to do.
        begin: how, and how many cores each worker may use.
        pool_options: how many workers there are, and how they are supervised.
        watch: told what happens.
        stop: once set, the run ends with the recordings in progress.

    Raises:
        ModelError: when a model cannot be used.
        OutputError: when nothing can be written any more; outcomes given before are safe.
        FerBatchError: when no worker can be started.
    """
    if not plan.tasks:
        return
    watch = logged(watch)
    workers = min(pool_options.workers, len(plan.tasks))
    with WorkerPool(begin, replace(pool_options, workers=workers), watch, stop or Event()) as pool:
        # A photo is as little work as any.
        videos = [task for task in plan.tasks if not task.recording.is_photo]
        probes = pool.look(videos) if len(plan.tasks) > 1 else {}
        watch(Probed(probes))
        work = {name: expected_work(probe, begin.selection) for name, probe in probes.items()}
        # Whoever begins the longest one last, works on alone. What cannot be opened is told first.
        work.update((task.recording.id, 0.0) for task in plan.tasks if task.recording.is_photo)
        tasks = sorted(plan.tasks, key=lambda task: (-work.get(task.recording.id, math.inf), task.recording.id))
        yield from pool.analyze(tasks)


def run_serial(
    plan: Plan,
    settings: Settings,
    selection: Selection,
    on_start: Callable[[Recording], None] = lambda recording: None,  # noqa: ARG005
    on_progress: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
) -> Iterator[RecordingResult]:
    """Analyses the planned recordings; each outcome is given as soon as its files are whole.

    Args:
        plan: what to do.
        settings: models and parameters.
        selection: which frames.
        on_start: called before each recording.
        on_progress: called with every analysed frame.
        stop: once set, the run ends with the recording in progress; see
            :func:`fer_batch.pipeline.recording.analyze_recording`.

    Raises:
        ModelError: when a model cannot be used.
        OutputError: when nothing can be written any more; outcomes given before are safe.
    """
    if not plan.tasks:
        return
    from fer_batch.pipeline.engine import Engine
    from fer_batch.pipeline.recording import analyze_recording

    with Engine(settings) as engine:
        for task in plan.tasks:
            if stop is not None and stop.is_set():
                return
            on_start(task.recording)
            log_event(Started(0, task, os.getpid()))
            analyze = partial(
                analyze_recording,
                engine,
                task.recording,
                selection,
                task.outputs,
                on_progress,
                stop,
                fresh=task.fresh,
            )
            outcome = guarded(analyze, task, settings, selection)
            log_event(Finished(0, task, outcome))
            yield outcome
