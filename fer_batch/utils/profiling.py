"""Where time goes: sums of what threads spend in stages, and of how long they wait for each other."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class StageTimer:
    """Processor time of stages, from any number of threads at once. Waiting takes none; what libraries do in threads of
    their own is not counted.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Of processor time, by stage."""
        self.waits: dict[str, float] = {}
        """Of waiting for a stage, by its name: the longest is for the one that holds up all."""
        self._adding = Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds what this thread spends inside of the block."""
        began = time.thread_time()
        try:
            yield
        finally:
            self._add(self.seconds, name, time.thread_time() - began)

    @contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Adds how long the block takes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._add(self.waits, name, time.perf_counter() - began)

    def _add(self, sums: dict[str, float], name: str, spent: float) -> None:
        with self._adding:
            sums[name] = sums.get(name, 0.0) + spent


def timed(timer: StageTimer | None, name: str) -> AbstractContextManager[None]:
    """The stage's block; without a timer one that does nothing."""
    return nullcontext() if timer is None else timer.stage(name)


def waited(timer: StageTimer | None, name: str) -> AbstractContextManager[None]:
    """The block in which a stage is waited for; without a timer one that does nothing."""
    return nullcontext() if timer is None else timer.waiting(name)


def drawn(timer: StageTimer | None, name: str, items: Iterable[T]) -> Iterable[T]:
    """The same items, the time that it takes to draw them added to a stage."""
    return items if timer is None else _drawn(timer, name, iter(items))


def _drawn(timer: StageTimer, name: str, items: Iterator[T]) -> Generator[T]:
    try:
        while True:
            with timer.stage(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
