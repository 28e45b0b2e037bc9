"""What happens at live sources as JSON lines on stdout, for programs that may read slowly or not at all."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from threading import Condition, Thread
from typing import Final

from fer_batch.live.runner import Reported, Told
from fer_batch.utils.closing import Closing

_MOST_WAITING: Final = 10_000
"""Lines for a reader that is held up, some 3 MB: of more, the oldest go."""
_LAST_S: Final = 3.0
"""What is left at the end is waited for so long."""


class EventLines(Closing):
    """Writes events from a thread of its own, so that whoever reads them holds up nobody."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._over = False
        # Not through Python's buffer, which the interpreter's end would wait for.
        self._descriptor = sys.stdout.fileno()
        self._thread = Thread(target=self._run, name="fer-batch event lines", daemon=True)
        self._thread.start()

    def __call__(self, name: str, told: Told) -> None:
        """Takes an event; waits for nobody."""
        del name
        if isinstance(told, Reported):
            line = json.dumps(told.event, ensure_ascii=False) + "\n"
            with self._changed:
                self._waiting.append(line.encode(errors="backslashreplace"))
                self._changed.notify()

    def close(self) -> None:
        """Writes what is left, if that does not take long."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join(_LAST_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    return
                line = self._waiting.popleft()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except BrokenPipeError:
                # Whoever read has had enough.
                return
            except OSError:
                # As on a disk that is full, and may have room for the next line.
                continue
