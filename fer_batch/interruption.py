"""Ctrl-C and SIGTERM as a wish to end well."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_interrupt() -> Iterator[Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one is a ``KeyboardInterrupt``.

    Only in the main thread. A signal that is ignored, as under ``nohup`` or for a job in the background of a script,
    stays so, and so does one whose handler is not Python's, which could not be put back.
    """
    stop = Event()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - called by position
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    ours = [number for number in _SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, handle) for number in ours}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
