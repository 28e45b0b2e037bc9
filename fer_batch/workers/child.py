"""What every supervised child process does first, and how it fails."""

from __future__ import annotations

import os
import signal
from typing import IO

from fer_batch.errors import SYSTEM_LIBRARIES

OUT_OF_MEMORY = 77
"""Exit status when Python finds no memory; not one that shells or the system use."""


def ignore_signals() -> None:
    """Only the end of the pipe ends a worker: Ctrl-C in a terminal and a job manager's SIGTERM reach all processes, and
    the one that supervises decides what they mean.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def failure_sentence(error: Exception) -> str:
    """What a user is told of an error that nobody foresaw."""
    if isinstance(error, ImportError) and ".so" in str(error):
        return f"{error}: {SYSTEM_LIBRARIES}"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"A worker failed ({what}); this should not happen, --debug shows where."


def reply_pipe() -> IO[bytes]:
    """Return the pipe to the parent process; what libraries print goes to standard error from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies
