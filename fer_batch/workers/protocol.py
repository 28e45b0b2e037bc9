"""Between a process and its supervised children: messages as pickles, and how a child begins and fails."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from logging import LogRecord
from typing import IO, Any

from fer_batch.errors import SYSTEM_LIBRARIES, FerBatchError, OptionHint, summarized


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: end the recording in progress with what was analysed until now."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: an error that ends the whole run."""

    error: FerBatchError
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """From a worker: a record for the log of the process that supervises it."""

    record: LogRecord


def send(pipe: IO[bytes], message: Any) -> None:
    """Writes one message.

    Raises:
        OSError: when the other side is gone.
    """
    pipe.write(pickle.dumps(message))
    pipe.flush()


def received(pipe: IO[bytes]) -> Iterator[Any]:
    """The messages until the other side closes its end, dies in the middle of one, or says what is none."""
    while True:
        try:
            message = pickle.load(pipe)  # noqa: S301 - from our own process
        except Exception:  # bytes that are no message may raise anything
            return
        yield message


OUT_OF_MEMORY = 77
"""Exit status when Python finds no memory; not one that shells or the system use."""


def ignore_signals() -> None:
    """Only the end of the pipe ends a worker: Ctrl-C in a terminal and a job manager's SIGTERM reach all processes, and
    the one that supervises decides what they mean.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def failure(error: Exception) -> FerBatchError:
    """Return what a user is shown of an error that is none of ours."""
    if isinstance(error, ImportError) and ".so" in str(error):
        return FerBatchError(f"{error}: {SYSTEM_LIBRARIES}")
    hint = OptionHint("debug", True, "see where with {}")
    return FerBatchError(f"A worker failed ({summarized(error)}), which should not happen.", remedies=[hint])


def reply_pipe() -> IO[bytes]:
    """Return the pipe to the parent process; what libraries print goes to standard error from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies
