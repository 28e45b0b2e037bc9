"""Signs of life while nothing comes out: frames that are passed over, files that are put together and closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

_INTERVAL_S: Final = 1.0
"""Often enough for who wonders after many seconds whether a process hangs, and no work."""


@contextmanager
def pulse(alive: Callable[[], None] | None, sign: Callable[[], Any]) -> Iterator[None]:
    """Calls ``alive`` from a thread of its own whenever, a second later, ``sign`` gives something else than before."""
    if alive is None:
        yield
        return
    told, over = alive, Event()

    def watch() -> None:
        before = sign()
        while not over.wait(_INTERVAL_S):
            now = sign()
            if now != before:
                told()
            before = now

    thread = Thread(target=watch, name="fer-batch pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def written(files: list[Path]) -> list[tuple[Path, int, int]]:
    """Size and time of the last change of the files that are there."""
    found = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((path, stat.st_size, stat.st_mtime_ns))
    return found
