"""Ctrl-C and SIGTERM as a wish to end well."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType

_ANSWER = b"\nStopping: what was analysed is being written. Ctrl-C in a few seconds gives that up.\n"
_PATIENCE_S = 3.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_interrupt(*, quiet: bool = False) -> Iterator[Event]:
    """An event that the first Ctrl-C or SIGTERM sets; one more after a while is a ``KeyboardInterrupt``.

    The first one is answered on stderr unless ``quiet``. People who see nothing happen press again: what comes within
    the next seconds changes nothing.

    Only in the main thread. A signal that is ignored, as under ``nohup`` or for a job in the background of a script,
    stays so, and so does one whose handler is not Python's, which could not be put back.
    """
    stop = Event()
    first_s = 0.0

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - called by position
        nonlocal first_s
        if stop.is_set():
            if time.monotonic() - first_s > _PATIENCE_S:
                raise KeyboardInterrupt
            return
        first_s = time.monotonic()
        stop.set()
        if not quiet:
            # Not print: a handler may interrupt one.
            with suppress(OSError):
                os.write(2, _ANSWER)

    ours = [number for number in _SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, handle) for number in ours}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            # Once it was asked to stop, the process is about to end, and one more Ctrl-C must not spoil its report.
            signal.signal(number, signal.SIG_IGN if stop.is_set() else handler)
