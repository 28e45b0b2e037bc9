"""Keeps native libraries' chatter out of the user's terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """File descriptor 2 goes nowhere inside the block; when the block raises, what was written is attached.

    MediaPipe logs to the descriptor itself while a task is created, whatever Python's ``sys.stderr`` is. One thread at
    a time may hold it, since the descriptor is the whole process's.
    """
    with _lock, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        saved = os.dup(2)
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
