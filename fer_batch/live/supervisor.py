"""Several live sources, each watched by a process of its own that is started again when it dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from threading import Event
from typing import Any, TypeAlias

from fer_batch.errors import FerBatchError, InputError, OutputError
from fer_batch.live.events import Connected, Counts, Ended, FrameAnalyzed, Interrupted, LiveMessage
from fer_batch.live.options import LiveJob
from fer_batch.live.source_url import scrubbed
from fer_batch.live.worker import Begin, Closed, News, Picture, Watching
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.logs import get_logger, handle
from fer_batch.workers.process import WorkerProcess
from fer_batch.workers.protocol import Failed, Logged, Stop

SILENCE_S = 60.0
"""Seconds without a sign of life, which comes every second, after which a process is taken for hanging."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
"""Before a process is started again: doubled with each death, so that one that cannot live costs next to nothing."""
_SETTLED_S = 60.0
"""A process that lived so long with frames begins with the first wait again."""
_STILLBIRTHS = 3
"""Deaths in a row without a sign of life, after which a camera is given up: then it is the installation that fails."""
_SHUTDOWN_S = 60.0
"""Time for all to be written once the end is wished: a part is written in less than a second."""
_TURN_S = 0.2
"""How often is looked for a wish to stop and for what is due."""
_LONGEST_TURN_S = 1.0
"""More than this between two turns means that the whole job was suspended: no process's silence."""
_MOST_WAITING = 256
"""Messages that wait for this process; then those who send them keep only the latest."""

_LOG = get_logger(__name__)

Watcher: TypeAlias = Callable[[str, LiveMessage], None]


class _CameraProcess(WorkerProcess):
    _for_memory = ()


@dataclass(slots=True)
class _Camera:
    job: LiveJob
    number: int
    total: Counts
    """Of all its processes."""
    process: _CameraProcess | None = None
    current: Counts = field(default_factory=Counts)
    """Of this process, as far as told."""
    failed: Failed | None = None
    """What its process said at last."""
    closed: bool = False
    """Whether its process said that everything is written."""
    lived: bool = False
    """Whether its process gave a sign of life."""
    seen_s: float | None = None
    """When its process first told of a frame."""
    silent_s: float = 0.0
    time_s: float = 0.0
    """Of the recording, as far as told."""
    lost: FerBatchError | None = None
    """Why its process made no further attempt to connect."""
    stillbirths: int = 0
    wait_s: float = _FIRST_WAIT_S
    due_s: float | None = None
    """When its process is started."""
    is_stopping: bool = False
    error: FerBatchError | None = None
    """Why it is over, if not by its own end."""


class Cameras(Closeable):
    """Processes that watch a source each; close it to end them.

    Secrets travel to a process through a pipe: neither its command line nor its environment shows them.

    Args:
        jobs: one a camera, names unique.
        watch: told what happens, with the recording's name; frames ten times a second at most, without pictures.
        on_picture: given annotated pictures as JPEG of those cameras that :meth:`show` asks for.
        without: names of environment variables that hold secrets, which the processes do not get.
        silence_s: seconds without a sign of life after which a process is ended and started again.
        module: its ``main`` is what each process does.
    """

    def __init__(
        self,
        jobs: Iterable[LiveJob],
        watch: Watcher,
        *,
        on_picture: Callable[[str, bytes], None] = lambda name, jpeg: None,  # noqa: ARG005
        without: Collection[str] = (),
        silence_s: float = SILENCE_S,
        module: str = "fer_batch.live.worker",
    ) -> None:
        self.counts: dict[str, Counts] = {}
        """Of each recording, all its processes together; kept up to date while :meth:`run` runs."""
        self._watch, self._on_picture = watch, on_picture
        self._without, self._silence_s, self._module = without, silence_s, module
        self._inbox: Queue[tuple[WorkerProcess, Any]] = Queue(_MOST_WAITING)
        self._is_closing = False
        self._watched: set[str] = set()
        self._cameras = [
            _Camera(job, number, self.counts.setdefault(job.name, Counts())) for number, job in enumerate(jobs, 1)
        ]

    def run(self, stop: Event) -> dict[str, FerBatchError | None]:
        """Watches until every camera is over, or until ``stop`` is set and everything is written.

        A process that dies is started again after a while; so is one that had frames and cannot reach its camera, or
        cannot write, any more. A camera is given up when its process cannot begin at all or used up its attempts to
        connect. The others go on.

        Returns:
            By name why a camera failed, as one that waited for its next attempt when all was stopped; None for one that
            came to its end or was stopped well.
        """
        now_s = time.monotonic()
        for camera in self._cameras:
            camera.due_s = now_s
        stopped_s: float | None = None
        turn_s = now_s
        while any(camera.process is not None or camera.due_s is not None for camera in self._cameras):
            for process, message in self._messages():
                self._take(process, message)
            now_s = time.monotonic()
            if stop.is_set():
                stopped_s = now_s if stopped_s is None else stopped_s
                self._pass_on_stop()
            self._end_silent(min(now_s - turn_s, _LONGEST_TURN_S), late=stopped_s, now_s=now_s)
            turn_s = now_s
            self._start_due(now_s)
        return {camera.job.name: camera.error for camera in self._cameras}

    def show(self, name: str, on: bool) -> None:
        """Asks for pictures of a camera, or for no more; from any thread."""
        if on:
            self._watched.add(name)
        else:
            self._watched.discard(name)
        for camera in self._cameras:
            process = camera.process
            if camera.job.name == name and process is not None:
                process.send(Watching(on))

    def process_ids(self) -> dict[str, int]:
        """Of the processes that run, by camera."""
        return {camera.job.name: camera.process.pid for camera in self._cameras if camera.process is not None}

    def close(self) -> None:
        """Ends all processes at once; what has a name is whole."""
        self._is_closing = True
        for camera in self._cameras:
            if camera.process is not None:
                camera.process.close()
                camera.process = None

    def _start_due(self, now_s: float) -> None:
        for camera in self._cameras:
            if camera.due_s is not None and camera.due_s <= now_s:
                camera.due_s, camera.failed, camera.closed, camera.lived = None, None, False, False
                camera.silent_s, camera.seen_s, camera.current = 0.0, None, Counts()
                try:
                    camera.process = _CameraProcess(
                        camera.number, Begin(camera.job), self._put, None, self._module, self._without
                    )
                except OSError as error:
                    # As when there are too many processes, or no memory for one more.
                    self._later(camera, FerBatchError(f"No process can be started ({error.strerror})."))
                    continue
                if camera.job.name in self._watched:
                    camera.process.send(Watching(True))

    def _put(self, process: WorkerProcess, message: Any) -> None:
        """Called from the threads that listen, which wait while this process is held up."""
        while not self._is_closing:
            try:
                self._inbox.put((process, message), timeout=_TURN_S)
            except Full:
                continue
            return

    def _messages(self) -> Iterator[tuple[WorkerProcess, Any]]:
        """What processes have said, waiting a moment for it."""
        wait_s: float | None = _TURN_S
        for _ in range(_MOST_WAITING):
            try:
                yield self._inbox.get(timeout=wait_s) if wait_s else self._inbox.get_nowait()
            except Empty:
                return
            wait_s = None

    def _take(self, process: WorkerProcess, message: Any) -> None:
        camera = next((one for one in self._cameras if one.process is process), None)
        if camera is None:
            return
        camera.lived, camera.silent_s = camera.lived or message is not None, 0.0
        match message:
            case News(counts, told):
                _add(camera.total, counts, camera.current)
                camera.current = counts
                for one in told:
                    if isinstance(one, Logged):
                        handle(one.record)
                        continue
                    self._note(camera, one)
                    self._watch(camera.job.name, one)
            case Picture(jpeg):
                self._on_picture(camera.job.name, jpeg)
            case Failed():
                camera.failed = message
            case Closed():
                camera.closed = True
            case None:
                self._replace_dead(camera)

    def _note(self, camera: _Camera, message: LiveMessage) -> None:
        if isinstance(message, Connected | Interrupted):
            camera.time_s = message.time_s
            camera.lost = message.error if isinstance(message, Interrupted) and message.retry_in_s is None else None
        elif isinstance(message, FrameAnalyzed) and message.observation is not None:
            camera.time_s = message.observation.time_s
            if camera.seen_s is None:
                camera.seen_s = time.monotonic()

    def _replace_dead(self, camera: _Camera) -> None:
        """Decides what becomes of a camera whose process has ended."""
        assert camera.process is not None
        process, camera.process = camera.process, None
        death = process.death()
        process.close()
        if camera.closed:
            self._over(camera, camera.lost)
            return
        failed = camera.failed
        self._log(camera, process, failed)
        error: FerBatchError
        if failed is not None:
            error, final = failed.error, failed.traceback is None and not self._may_pass(camera, failed.error)
        else:
            camera.stillbirths = 0 if camera.lived else camera.stillbirths + 1
            final = camera.stillbirths >= _STILLBIRTHS
            error = FerBatchError(f"The process that watched {camera.job.address.shown} {death.reason}.")
        if final or camera.is_stopping:
            self._over(camera, error)
        else:
            self._later(camera, error)

    def _may_pass(self, camera: _Camera, error: FerBatchError) -> bool:
        """Whether a camera that cannot be reached, or a disk that is full, may be there again tomorrow.

        Where nothing has ever come, it is the command that is wrong, or its process was as patient as it should be.
        """
        return camera.total.connections > 0 and isinstance(error, InputError | OutputError)

    def _later(self, camera: _Camera, error: FerBatchError) -> None:
        """Has a camera's process started again after a while."""
        now_s = time.monotonic()
        if camera.seen_s is not None and now_s - camera.seen_s >= _SETTLED_S:
            camera.wait_s = _FIRST_WAIT_S
        wait_s, camera.wait_s = camera.wait_s, min(2 * camera.wait_s, _LONGEST_WAIT_S)
        camera.due_s = now_s + wait_s
        # If the end is wished before that, this is how it ended.
        camera.error = error
        self._watch(camera.job.name, Interrupted(datetime.now(UTC), camera.time_s, error, wait_s))

    def _log(self, camera: _Camera, process: WorkerProcess, failed: Failed | None) -> None:
        words = process.wrote() + ((failed.traceback or "") if failed is not None else "")
        for line in scrubbed(words, camera.job.address).splitlines():
            _LOG.debug("%s: | %s", camera.job.name, line)

    def _over(self, camera: _Camera, error: FerBatchError | None) -> None:
        camera.error = error
        if error is not None:
            _LOG.error("%s: %s", camera.job.name, error)
        self._watch(camera.job.name, Ended(error))

    def _pass_on_stop(self) -> None:
        for camera in self._cameras:
            if camera.is_stopping:
                continue
            camera.is_stopping = True
            if camera.process is not None:
                camera.process.send(Stop())
            elif camera.due_s is not None:
                # Its last process did not end well.
                camera.due_s = None
                self._over(camera, camera.error)

    def _end_silent(self, elapsed_s: float, late: float | None, now_s: float) -> None:
        for camera in self._cameras:
            if camera.process is None:
                continue
            camera.silent_s += elapsed_s
            if late is not None and now_s - late > _SHUTDOWN_S:
                camera.process.hung(_SHUTDOWN_S)
            elif camera.silent_s > self._silence_s:
                camera.process.hung(self._silence_s)


def _add(total: Counts, now: Counts, before: Counts) -> None:
    """What has come since ``before``."""
    for one in fields(Counts):
        setattr(total, one.name, getattr(total, one.name) + getattr(now, one.name) - getattr(before, one.name))
