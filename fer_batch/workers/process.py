"""A child process as its supervisor sees it: its messages, its silence and its death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO, Any, ClassVar, NamedTuple

from fer_batch.errors import OptionHint
from fer_batch.workers.protocol import OUT_OF_MEMORY, Stop, received, send

_COMMAND = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {} import main; main()"
_LAST_LINES = 50
"""Lines of what it wrote to stderr that are kept."""
_END_S = 5.0
"""How long the end of a process that says nothing more is waited for: one that ends by itself takes moments."""


class Death(NamedTuple):
    """Why a worker process ended."""

    reason: str
    """In words for the user, to follow the process as their subject."""
    remedies: Sequence[OptionHint] = ()


class WorkerProcess:
    """Starts a worker, which dies with this process.

    Args:
        number: from 1, for the name of its threads and for logs.
        begin: how it analyses; any object that ``module`` understands as its first message.
        on_message: called with this object and each message, and with None when the process has ended; from a thread.
        lock: a descriptor that it holds as long as it lives.
        module: its ``main`` is what the process does.
        without: names of environment variables that it does not get.
    """

    _for_memory: ClassVar[Sequence[OptionHint]] = (OptionHint("workers", advice="leave more for each by fewer {}"),)
    """What to do when there is too little."""

    def __init__(
        self,
        number: int,
        begin: object,
        on_message: Callable[[WorkerProcess, Any], None],
        lock: int | None,
        module: str,
        without: Collection[str] = (),
    ) -> None:
        self.number = number
        self._on_message = on_message
        self._hung_s: float | None = None
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        inherited: dict[str, Any] = {} if lock is None or sys.platform == "win32" else {"pass_fds": (lock,)}
        # Not -m, which would put the current folder, full of the user's files, before the libraries.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND.format(module), json.dumps(sys.path)],
            env={name: value for name, value in os.environ.items() if name not in without},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **inherited,
        )
        self.pid = self._process.pid
        self._listeners = [
            Thread(target=self._listen, args=(self._process.stdout,), name=f"worker {number}", daemon=True),
            Thread(target=self._note, args=(self._process.stderr,), name=f"worker {number} stderr", daemon=True),
        ]
        for listener in self._listeners:
            listener.start()
        self.send(begin)

    def send(self, message: object) -> None:
        """Tells it something; one that has died is told by its own message."""
        assert self._process.stdin is not None
        # A ValueError where another thread has just closed it.
        with suppress(OSError, ValueError):
            send(self._process.stdin, message)

    def stop(self) -> None:
        """Asks it to end the recording in progress with what was analysed."""
        self.send(Stop())

    def hung(self, silent_s: float) -> None:
        """Ends it because it has not given a sign of life for so many seconds."""
        self._hung_s = silent_s
        self._process.kill()

    def close(self) -> None:
        """Ends it, waiting for nothing but its death."""
        self._process.kill()
        self._process.wait()
        for listener in self._listeners:
            listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def death(self) -> Death:
        """Return why it ended; waits for its end."""
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            # It lives, but something else than it has written to its standard output, and it waits for what to do.
            self._process.kill()
            self._process.wait()
            return Death("sent something that is no message of fer-batch, and was ended")
        self._listeners[1].join()
        if self._hung_s is not None:
            return Death(f"hung: it gave no sign of life for {self._hung_s:g} s and was ended")
        if status == OUT_OF_MEMORY:
            return Death("found no more memory", self._for_memory)
        if os.name != "nt" and -status == signal.SIGKILL:
            return Death("was killed, as systems do when memory runs out", self._for_memory)
        if status < 0:
            return Death(f"crashed ({signal.Signals(-status).name})")
        return Death(f"ended with status {status}")

    def wrote(self) -> str:
        """The last of what it and its libraries wrote to stderr."""
        return "".join(self._lines)

    def _listen(self, pipe: IO[bytes]) -> None:
        for message in received(pipe):
            self._on_message(self, message)
        self._on_message(self, None)

    def _note(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._lines.append(line.decode(errors="replace"))
