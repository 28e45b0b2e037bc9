"""The process that watches one of several cameras, for a process that supervises them.

It is a process of its own so that nothing that a camera does to it, a crash of a decoder included, touches the others.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from logging import LogRecord
from queue import SimpleQueue
from threading import Event, Lock, Thread, Timer
from typing import IO, Any, TypeAlias

from fer_batch.errors import FerBatchError
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, Interrupted, LiveMessage, Tell
from fer_batch.live.options import LiveJob
from fer_batch.live.preview.encoder import Pictures
from fer_batch.live.source_url import scrubbed
from fer_batch.utils.logs import send_records, wanted_level
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

_TELL_S = 0.1
"""Between two messages: ten times a second is smooth to the eye, and as cheap for sixty frames a second as for ten."""
_ALIVE_S = 1.0
"""Between two messages when nothing happens."""
_MAX_MESSAGES = 1000
"""Kept for a supervisor that is held up, as by Ctrl-Z; of more, the latest."""
_ORPHAN_S = 2.0
"""How long a process whose supervisor died may take to write what it has. A new run waits a little longer than this for
the output folder's lock."""

Watch: TypeAlias = Callable[[LiveJob, Event, Tell, Pictures], None]


def main() -> None:
    """Watches until the source ends, the supervisor asks to stop, or standard input ends."""
    serve(_watch)


def serve(watch: Watch) -> None:
    """What :func:`main` does, with another function that watches."""
    ignore_signals()
    replies = reply_pipe()
    begins: SimpleQueue[Begin] = SimpleQueue()
    stop, news = Event(), _News(replies)
    Thread(target=_listen, args=(sys.stdin.buffer, begins, stop, news), name="fer-batch orders", daemon=True).start()
    begin = begins.get()
    job = begin.job
    news.start()
    send_records(news.log, begin.log_level)
    reply: object = Closed()
    try:
        _limit_threads(job.threads)
        watch(job, stop, news.tell, news)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except FerBatchError as error:
        reply = Failed(error.rewritten(lambda text: scrubbed(text, job.address)))
    except Exception as error:
        # Libraries name what they opened.
        trace = scrubbed(traceback.format_exc(), job.address)
        reply = Failed(failure(error).rewritten(lambda text: scrubbed(text, job.address)), trace)
    news.close(reply)


def _watch(job: LiveJob, stop: Event, tell: Tell, pictures: Pictures) -> None:
    from fer_batch.live.runner import watch

    if not job.options.reading.follow_redirects:
        # FFmpeg would reach these hosts past the proxy that holds a source to its own.
        os.environ.pop("no_proxy", None)
    watch(job, stop, tell, pictures)


def _limit_threads(threads: int) -> None:
    import cv2

    # Left to itself, each process would take all cores.
    cv2.setNumThreads(threads)


def _listen(pipe: IO[bytes], begins: SimpleQueue[Begin], stop: Event, news: _News) -> None:
    for message in received(pipe):
        match message:
            case Begin():
                begins.put(message)
            case Watching(on):
                news.wanted = on
            case Stop():
                stop.set()
    # Whoever supervised is dead, or wants no more of this process.
    stop.set()
    timer = Timer(_ORPHAN_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


class _News:
    """Sends what happens from a thread of its own, so that a supervisor that is held up holds up no camera.

    Args:
        pipe: to the supervisor.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self.wanted = False
        """Whether somebody looks at the pictures."""
        self._pipe = pipe
        self._lock, self._over = Lock(), Event()
        self._counts = Counts()
        self._messages: deque[LiveMessage | Logged] = deque(maxlen=_MAX_MESSAGES)
        self._newest: FrameAnalyzed | None = None
        self._picture: bytes | None = None
        self._silent_s = 0.0
        self._thread = Thread(target=self._run, name="fer-batch news", daemon=True)

    def start(self) -> None:
        """Gives signs of life from now on."""
        self._send(News(Counts()))
        self._thread.start()

    def tell(self, message: LiveMessage, counts: Counts) -> None:
        """Takes something to be sent soon; of frames only the latest."""
        with self._lock:
            self._counts = replace(counts)
            if not isinstance(message, FrameAnalyzed):
                if isinstance(message, Connected | Interrupted):
                    # A frame must not seem to come after its connection was lost.
                    self._queue_frame()
                self._messages.append(message)
            elif message.observation is not None:
                self._newest = replace(message, frame=None)

    def log(self, record: LogRecord) -> None:
        """Takes a record for the log of the supervisor."""
        with self._lock:
            self._messages.append(Logged(record))

    def show(self, jpeg: bytes) -> None:
        """Takes a picture to be sent soon; only the latest."""
        with self._lock:
            self._picture = jpeg

    def close(self, last: object) -> None:
        """Sends what is left, and one last message."""
        self._over.set()
        self._thread.join()
        self._send_news()
        self._send(last)

    def _run(self) -> None:
        while not self._over.wait(_TELL_S):
            self._silent_s += _TELL_S
            self._send_news()

    def _send_news(self) -> None:
        with self._lock:
            self._queue_frame()
            messages = tuple(self._messages)
            self._messages.clear()
            picture, self._picture = self._picture, None
            counts = self._counts
        if messages or self._silent_s >= _ALIVE_S:
            self._silent_s = 0.0
            self._send(News(counts, messages))
        if picture is not None and self.wanted:
            self._send(Picture(picture))

    def _queue_frame(self) -> None:
        if self._newest is not None:
            self._messages.append(self._newest)
            self._newest = None

    def _send(self, message: Any) -> None:
        try:
            send(self._pipe, message)
        except OSError:
            # Nobody listens any more; standard input has ended too, and that thread sees to the rest.
            self._over.set()


@dataclass(frozen=True, slots=True)
class Begin:
    """To a camera's process, first of all. It may hold a password, and so goes through the pipe alone."""

    job: LiveJob = field(repr=False)
    log_level: int = field(default_factory=wanted_level)
    """Records below it are not sent."""


@dataclass(frozen=True, slots=True)
class Watching:
    """To a camera's process: somebody looks at its pictures, or nobody does any more."""

    on: bool


@dataclass(frozen=True, slots=True)
class News:
    """From a camera's process, some times a second: it lives, and this has happened."""

    counts: Counts
    """Of this process alone."""
    messages: tuple[LiveMessage | Logged, ...] = ()
    """In order; frames that were analysed only now and then, and without their pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """From a camera's process: the latest annotated picture, while somebody looks."""

    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """From a camera's process, last of all: everything is written."""
