"""Stages that overlap: an iterator drawn in a thread of its own, through a bounded queue, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, Self, TypeVar

from fer_batch.utils.profiling import Stopwatch, waited

T = TypeVar("T")

_LOOK_AGAIN_S = 0.1
"""How long a full queue is waited for before the thread looks whether it should stop."""


def in_groups(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items each, the last one shorter: threads hand over many at once for the cost of one.

    An exception of ``items`` comes out after the items before it.
    """
    group: list[T] = []
    try:
        for item in items:
            group.append(item)
            if len(group) == size:
                yield group
                group = []
    except Exception:
        if group:
            yield group
        raise
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    if group:
        yield group


class _End:
    """What the thread sends last: how the iterator ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Prefetched(Generic[T]):
    """The same items in the same order, made ahead of time in a thread.

    An exception of ``items`` comes out here, at its place.

    Args:
        items: drawn, and closed where it can be, only by the thread.
        depth: items that may wait.
        name: the thread's name.
        stopwatch: gets how long items are waited for, under that name.
    """

    def __init__(self, items: Iterator[T], depth: int, name: str, stopwatch: Stopwatch | None = None) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(depth)
        self._name, self._stopwatch = name, stopwatch
        self._stop = Event()
        self._ended = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._ended:
            raise StopIteration
        with waited(self._stopwatch, self._name):
            item = self._queue.get()
        if not isinstance(item, _End):
            return item
        self._ended = True
        self._thread.join()
        if item.error is not None:
            raise item.error
        raise StopIteration

    def close(self) -> None:
        """Stops the thread after the item it is making; when this returns it has ended."""
        self._ended = True
        self._stop.set()
        # What the thread is about to put must find room.
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                for item in self._items:
                    self._put(item)
                    if self._stop.is_set():
                        break
            finally:
                close = getattr(self._items, "close", None)
                if close is not None:
                    close()
        except BaseException as raised:  # whatever it is, the consumer gets it
            error = raised
        self._put(_End(error))

    def _put(self, item: T | _End) -> None:
        while not self._stop.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=_LOOK_AGAIN_S)
                return
