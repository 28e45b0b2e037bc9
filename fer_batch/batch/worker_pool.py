"""Worker processes that carry out a plan, and what is done when one of them dies or hangs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Event as Flag
from typing import Any

from fer_batch.batch.messages import (
    Alive,
    Analyze,
    Begin,
    Done,
    EstimateJob,
    EstimateReply,
    Finished,
    Job,
    LogMessage,
    ProbeJob,
    ProbeReply,
    Progressed,
    PublishPartialJob,
    Started,
    Watch,
    WorkerLost,
)
from fer_batch.batch.plan import Task, record_failure
from fer_batch.errors import FerBatchError
from fer_batch.pipeline.result import RecordingResult
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.logs import handle, wanted_level
from fer_batch.video.probe import Probe
from fer_batch.workers.process import Death, WorkerProcess
from fer_batch.workers.protocol import Failed, Logged

_WORKER = "fer_batch.batch.worker"
"""Module of the processes."""
STALL_LIMIT_S = 300.0
"""Seconds without a sign of life after which a worker is taken for hanging: analysing one frame takes seconds at most,
but a network disk may fall asleep for minutes."""
_TURN_S = 0.2
"""How often is looked for a wish to stop and for workers that hang."""
_LONGEST_TURN_S = 1.0
"""More than this between two turns means that the whole machine, or this job in a shell, was suspended: no worker's
silence."""
_ATTEMPTS = 2
"""A crash may come from a want of memory that is over when the recording's turn comes again."""
_DEATHS_IN_A_ROW = 3
"""Workers that die before they give a sign of life, after which no more are started."""


@dataclass(slots=True)
class _Worker:
    """A worker with what it is doing."""

    process: WorkerProcess
    job: Job | None = None
    silent_s: float = 0.0
    """Since when, in time that this process could have listened."""
    is_stopping: bool = False
    worked: bool = False
    """Whether it has ever given a sign of life."""


@dataclass(frozen=True, slots=True)
class _WorkerExited:
    """Instead of a reply: the worker was lost."""

    death: Death


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How many workers there are, and how they are supervised."""

    workers: int = 1
    """Processes at most, each of which loads the models once."""
    stall_limit_s: float = STALL_LIMIT_S
    """Seconds without a sign of life after which a worker is ended."""
    lock: int | None = None
    """A descriptor that holds the output folder's lock, for the workers too."""


class WorkerPool(Closeable):
    """Worker processes that share the recordings of a run; close it to end them.

    Args:
        begin: how everything is analysed.
        options: how many workers there are, and how they are supervised.
        watch: told what happens.
        stop: once set, recordings in progress end with what was analysed and no other is begun.
    """

    def __init__(self, begin: Begin, options: PoolOptions, watch: Watch, stop: Flag) -> None:
        self._begin, self._count, self._watch, self._stop = begin, options.workers, watch, stop
        self._stall_limit_s, self._lock = options.stall_limit_s, options.lock
        self._inbox: SimpleQueue[tuple[WorkerProcess, Any]] = SimpleQueue()
        self._workers: list[_Worker] = []
        self._deaths = 0
        self._error: FerBatchError | None = None
        """What ends the run."""

    def look(self, tasks: Iterable[Task]) -> dict[str, Probe]:
        """What the recordings are, by id; without those that cannot be opened."""
        probes: dict[str, Probe] = {}
        for worker, job, reply in self._replies(deque(ProbeJob(task) for task in tasks)):
            if isinstance(reply, ProbeReply) and reply.probe is not None:
                probes[job.task.recording.id] = reply.probe
            self._note_loss(worker, reply)
        return probes

    def rehearse(self, tasks: Iterable[Task]) -> dict[str, EstimateReply]:
        """How fast some recordings go, by id, while all workers are busy with the same."""
        rehearsed: dict[str, list[EstimateReply]] = {}
        for task in tasks:
            for worker, _, reply in self._replies(deque([EstimateJob(task)] * self._count)):
                if isinstance(reply, EstimateReply):
                    rehearsed.setdefault(task.recording.id, []).append(reply)
                self._note_loss(worker, reply)
        return {name: min(found, key=lambda one: one.frames_per_second) for name, found in rehearsed.items()}

    def analyze(self, tasks: Iterable[Task]) -> Iterator[RecordingResult]:
        """Analyses recordings; each outcome is given as soon as its files are whole.

        A recording whose worker dies or hangs is tried once more, after all others. One that takes its worker with it
        again has failed; what was committed of it is published.

        Raises:
            ModelError: when a model cannot be used.
            OutputError: when nothing can be written any more; outcomes given before are safe.
            FerBatchError: when no worker can be started.
        """
        jobs: deque[Job] = deque(Analyze(task) for task in tasks)
        attempts: dict[str, int] = {}
        for worker, job, reply in self._replies(jobs):
            task, number = job.task, worker.process.number
            if isinstance(reply, Done):
                if reply.traceback is not None:
                    self._watch(LogMessage(number, reply.traceback))
                self._watch(Finished(number, task, reply.outcome))
                yield reply.outcome
                continue
            assert isinstance(reply, _WorkerExited)
            self._note_loss(worker, reply)
            if self._is_ending:
                continue
            death = reply.death
            error = FerBatchError(
                f"{task.recording.path}: the process that analysed it {death.reason}.", remedies=death.remedies
            )
            if isinstance(job, PublishPartialJob):
                outcome = record_failure(task, job.error, self._begin.settings, self._begin.selection)
                self._watch(Finished(number, task, outcome))
                yield outcome
                continue
            attempts[task.recording.id] = attempts.get(task.recording.id, 0) + 1
            again = attempts[task.recording.id] < _ATTEMPTS
            self._watch(WorkerLost(number, task, error, again))
            jobs.append(job if again else PublishPartialJob(task, error))

    def close(self) -> None:
        """Ends all workers at once; nothing that has a name is lost."""
        for worker in self._workers:
            worker.process.close()
        self._workers.clear()

    def _replies(self, jobs: deque[Job]) -> Iterator[tuple[_Worker, Job, object]]:
        """Has the jobs done, those that are added meanwhile too; gives what became of each.

        Raises:
            FerBatchError: what a worker says that ends the run.
        """
        turn_s = time.monotonic()
        while True:
            if self._is_ending:
                jobs.clear()
                self._pass_on_stop()
            self._assign(jobs)
            if not jobs and all(worker.job is None for worker in self._workers):
                if self._error is not None:
                    raise self._error
                return
            for worker, message in self._messages():
                job = worker.job
                if job is None or self._is_on_the_way(worker, job, message):
                    continue
                worker.job = None
                if isinstance(message, Failed):
                    self._end_with(worker, message)
                else:
                    yield worker, job, message
            now = time.monotonic()
            self._end_silent(min(now - turn_s, _LONGEST_TURN_S))
            turn_s = now

    @property
    def _is_ending(self) -> bool:
        return self._stop.is_set() or self._error is not None

    def _pass_on_stop(self) -> None:
        for worker in self._workers:
            if not worker.is_stopping:
                worker.is_stopping = True
                worker.process.stop()

    def _is_on_the_way(self, worker: _Worker, job: Job, message: object) -> bool:
        """Whether a message only tells how far a job is."""
        if not isinstance(message, Alive):
            return False
        if message.progress is not None:
            self._watch(Progressed(worker.process.number, job.task, message.progress))
        return True

    def _end_with(self, worker: _Worker, failed: Failed) -> None:
        """Lets the others end well, and leave nothing half-written, before the error comes out."""
        if failed.traceback is not None:
            self._watch(LogMessage(worker.process.number, failed.traceback))
        self._error = self._error or failed.error

    def _assign(self, jobs: deque[Job]) -> None:
        """Gives jobs to those who have none, and finds more workers."""
        while jobs:
            worker = next((worker for worker in self._workers if worker.job is None), None)
            if worker is None:
                if len(self._workers) >= self._count:
                    return
                worker = self._start()
            worker.job = job = jobs.popleft()
            worker.silent_s = 0.0
            if isinstance(job, Analyze):
                self._watch(Started(worker.process.number, job.task, worker.process.pid))
            worker.process.send(job)

    def _start(self) -> _Worker:
        numbers = {worker.process.number for worker in self._workers}
        number = next(number for number in range(1, self._count + 1) if number not in numbers)
        # Handlers may have come since the run was described.
        begin = replace(self._begin, log_level=wanted_level())
        worker = _Worker(WorkerProcess(number, begin, lambda *told: self._inbox.put(told), self._lock, _WORKER))
        self._workers.append(worker)
        return worker

    def _messages(self) -> Iterator[tuple[_Worker, object]]:
        """What workers have said, waiting a moment for it; :class:`_WorkerExited` of one that has ended."""
        wait_s: float | None = _TURN_S
        while True:
            try:
                process, message = self._inbox.get(timeout=wait_s) if wait_s else self._inbox.get_nowait()
            except Empty:
                return
            wait_s = None
            worker = next((worker for worker in self._workers if worker.process is process), None)
            if worker is None:
                continue
            worker.silent_s = 0.0
            if isinstance(message, Logged):
                handle(message.record)
                continue
            if message is None:
                self._workers.remove(worker)
                message = self._death_of(worker)
            else:
                worker.worked, self._deaths = True, 0
            yield worker, message

    def _death_of(self, worker: _Worker) -> _WorkerExited:
        death = worker.process.death()
        worker.process.close()
        self._deaths += not worker.worked
        if self._deaths >= _DEATHS_IN_A_ROW:
            wrote = " ".join(worker.process.wrote().split()[-40:])
            raise FerBatchError(
                f"Worker processes cannot be started: each {death.reason} at once ({wrote or 'no message'})."
            )
        return _WorkerExited(death)

    def _end_silent(self, elapsed_s: float) -> None:
        for worker in self._workers:
            if worker.job is not None:
                worker.silent_s += elapsed_s
                if worker.silent_s > self._stall_limit_s:
                    worker.process.hung(self._stall_limit_s)

    def _note_loss(self, worker: _Worker, reply: object) -> None:
        wrote = worker.process.wrote()
        if isinstance(reply, _WorkerExited) and wrote:
            self._watch(LogMessage(worker.process.number, wrote))
