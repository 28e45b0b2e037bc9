"""Stages that overlap: an iterator drawn in a thread of its own, through a bounded queue, in order."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


class _End:
    """What the thread sends last: how the iterator ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetched(items: Iterator[T], depth: int, name: str) -> Iterator[T]:
    """The same items in the same order, made ahead of time by at most ``depth``.

    An exception of ``items`` comes out here, at its place. When the returned iterator is closed or collected, the
    thread stops after the item it is making, and has ended when ``close`` returns.

    Args:
        items: drawn only by the thread.
        depth: items that may wait.
        name: the thread's name.
    """
    queue: Queue[T | _End] = Queue(depth)
    stop = Event()

    def put(item: T | _End) -> None:
        while not stop.is_set():
            try:
                queue.put(item, timeout=0.1)
            except Full:
                continue
            return

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    break
        except BaseException as raised:
            error = raised
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            put(_End(error))

    thread = Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while True:
            item = queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        # Nothing waits any more; what the thread still holds it may finish.
        while True:
            try:
                queue.get_nowait()
            except Empty:
                break
        thread.join()
