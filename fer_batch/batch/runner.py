"""A plan carried out by worker processes, the recordings that take longest first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from threading import Event as Flag

from fer_batch.batch.events import Probed, Watch
from fer_batch.batch.messages import Begin
from fer_batch.batch.plan import Plan
from fer_batch.batch.scheduling import expected_work
from fer_batch.batch.worker_pool import STALL_LIMIT_S, Crew
from fer_batch.config import Settings
from fer_batch.pipeline.result import Outcome
from fer_batch.selection import Selection


def run(
    plan: Plan,
    settings: Settings,
    selection: Selection,
    *,
    workers: int,
    threads: int,
    watch: Watch = lambda event: None,  # noqa: ARG005
    stop: Flag | None = None,
    stall_limit_s: float = STALL_LIMIT_S,
    lock: int | None = None,
) -> Iterator[Outcome]:
    """Analyses the planned recordings; each outcome is given as soon as its files are whole.

    Results do not depend on the number of workers or threads. Whatever a recording does to its worker, the others go
    on; see :meth:`fer_batch.batch.worker_pool.Crew.analyze`.

    Args:
        plan: what to do.
        settings: models and parameters.
        selection: which frames.
        workers: processes, each of which loads the models once.
        threads: cores that each of them may use.
        watch: told what happens.
        stop: once set, the run ends with the recordings in progress.
        stall_limit_s: seconds without a sign of life after which a worker is ended.
        lock: a descriptor that holds the output folder's lock.

    Raises:
        ModelError: when a model cannot be used.
        OutputError: when nothing can be written any more; outcomes given before are safe.
        FerBatchError: when no worker can be started.
    """
    if not plan.tasks:
        return
    begin = Begin(settings, selection, threads)
    count = min(workers, len(plan.tasks))
    with Crew(begin, count, watch, stop or Flag(), stall_limit_s, lock) as crew:
        # A photo is as little work as any.
        videos = [task for task in plan.tasks if not task.recording.is_photo]
        probes = crew.look(videos) if len(plan.tasks) > 1 else {}
        watch(Probed(probes))
        work = {name: expected_work(probe, selection) for name, probe in probes.items()}
        # Whoever begins the longest one last, works on alone. What cannot be opened is told first.
        work.update((task.recording.id, 0.0) for task in plan.tasks if task.recording.is_photo)
        tasks = sorted(plan.tasks, key=lambda task: (-work.get(task.recording.id, math.inf), task.recording.id))
        yield from crew.analyze(tasks)
