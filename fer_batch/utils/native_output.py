"""Keeps native libraries' chatter out of the user's terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

_lock = Lock()


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """File descriptor 2 goes nowhere inside the block; when the block raises, what was written is attached.

    MediaPipe logs to the descriptor itself while a task is created, whatever Python's ``sys.stderr`` is. One thread at
    a time may hold it, since the descriptor is the whole process's. A program that was started without the descriptor
    has nothing to keep quiet.
    """
    with _lock:
        # None in a program that was started without it.
        stderr: TextIO | None = sys.stderr
        if stderr is not None:
            stderr.flush()
        try:
            saved = os.dup(2)
        except OSError:
            yield
            return
        with tempfile.TemporaryFile() as caught:
            os.dup2(caught.fileno(), 2)
            try:
                yield
            except Exception as error:
                caught.seek(0)
                error.add_note(caught.read().decode(errors="replace")[-2000:])
                raise
            finally:
                os.dup2(saved, 2)
                os.close(saved)
