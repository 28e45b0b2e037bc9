"""Where processor time goes: sums of what threads spend in stages."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Processor time of stages, from any number of threads at once. Waiting takes none; what libraries do in threads of
    their own is not counted.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._adding = Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds what this thread spends inside of the block."""
        began = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - began
            with self._adding:
                self.seconds[name] = self.seconds.get(name, 0.0) + spent


def timed(stopwatch: Stopwatch | None, name: str) -> AbstractContextManager[None]:
    """The stage's block; without a stopwatch one that does nothing."""
    return nullcontext() if stopwatch is None else stopwatch.stage(name)


def drawn(stopwatch: Stopwatch | None, name: str, items: Iterable[T]) -> Iterable[T]:
    """The same items, the time that it takes to draw them added to a stage."""
    return items if stopwatch is None else _drawn(stopwatch, name, iter(items))


def _drawn(stopwatch: Stopwatch, name: str, items: Iterator[T]) -> Generator[T]:
    try:
        while True:
            with stopwatch.stage(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
