"""Threads: an ordered thread pool, a prefetcher, a queue of the latest value, closeable resources and heartbeats."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Condition, Event, Lock, Thread
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from fer_batch.utils.profiling import StageTimer, waited

T = TypeVar("T")
R = TypeVar("R")


class _Raised:
    """In place of a result."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class OrderedThreadPool(Generic[T, R]):
    """Results of items in their order, made by one thread for each of some functions.

    An exception of ``items`` or of a function comes out at its place, and ends it.

    Args:
        items: drawn by one thread at a time.
        functions: that all do the same, each called by one thread alone.
        depth: most items that are drawn and have not been given out.
        name: of the threads.
        timer: gets how long results are waited for, under that name.
    """

    def __init__(
        self,
        items: Iterator[T],
        functions: Sequence[Callable[[T], R]],
        depth: int,
        name: str,
        timer: StageTimer | None = None,
    ) -> None:
        self._name, self._timer = name, timer
        self._items, self._depth = items, max(depth, len(functions))
        self._drawing, self._changed = Lock(), Condition()
        self._results: dict[int, R | _Raised] = {}
        self._drawn = self._yielded = 0
        self._ended = self._stopped = False
        self._threads = [
            Thread(target=self._run, args=(function,), name=f"{name} {number}", daemon=True)
            for number, function in enumerate(functions, 1)
        ]
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> R:
        with self._changed:
            with waited(self._timer, self._name):
                self._changed.wait_for(
                    lambda: (
                        self._yielded in self._results
                        or (self._ended and self._yielded >= self._drawn)
                        or self._stopped
                    )
                )
            if self._yielded not in self._results:
                raise StopIteration
            result = self._results.pop(self._yielded)
            self._yielded += 1
            if isinstance(result, _Raised):
                self._stopped = True
            self._changed.notify_all()
        if isinstance(result, _Raised):
            raise result.error
        return result

    def close(self) -> None:
        """Stops the threads after the items that they are at; when this returns they have ended."""
        with self._changed:
            self._stopped = True
            self._results.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self, function: Callable[[T], R]) -> None:
        while (drawn := self._draw()) is not None:
            place, item = drawn
            result: R | _Raised
            try:
                result = item if isinstance(item, _Raised) else function(item)
            except BaseException as error:  # whatever it is, the consumer gets it
                result = _Raised(error)
            del drawn, item
            with self._changed:
                if not self._stopped:
                    self._results[place] = result
                self._changed.notify_all()
            # A picture is in it, and the next item may be long in coming.
            del result

    def _draw(self) -> tuple[int, T | _Raised] | None:
        """The next item with its place; None when there is no more to do."""
        with self._drawing:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._drawn - self._yielded < self._depth)
                if self._stopped or self._ended:
                    return None
            item: T | _Raised | None = None
            ended = False
            try:
                item = next(self._items)
            except StopIteration:
                ended = True
            except BaseException as error:
                item, ended = _Raised(error), True
            with self._changed:
                self._ended = ended
                self._changed.notify_all()
                if item is None:
                    return None
                self._drawn += 1
                return self._drawn - 1, item


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


class Prefetcher(Generic[T]):
    """The same items in the same order, made ahead of time in a thread.

    An exception of ``items`` comes out here, at its place.

    Args:
        items: drawn, and closed where it can be, only by the thread.
        depth: items that may wait.
        name: the thread's name.
        timer: gets how long items are waited for, under that name.
    """

    def __init__(self, items: Iterator[T], depth: int, name: str, timer: StageTimer | None = None) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(depth)
        self._name, self._timer = name, timer
        self._stop = Event()
        self._ended = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._ended:
            raise StopIteration
        with waited(self._timer, self._name):
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


PATIENCE_S: Final = 0.3
"""Seconds that an item may wait: networks and servers hand on several frames at once, and none of these need be lost
where they are worked on within that time."""


class LatestQueue(Generic[T]):
    """Hands on every item in order as long as none waits too long; after that, only the newest.

    Args:
        most: items that may wait; a newer one takes the place of the oldest.
    """

    def __init__(self, most: int) -> None:
        self._changed = Condition()
        self._items: deque[tuple[float, T]] = deque()
        self._most = most
        self._ended = False
        self.dropped = 0
        """Items that were never taken."""

    def put(self, item: T) -> None:
        """Leaves an item; waits for nobody."""
        with self._changed:
            self._items.append((time.monotonic(), item))
            self._keep(self._most)
            self._changed.notify_all()

    def end(self) -> None:
        """There will be no more; what lies here can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """The next item, waited for if there is none; None after that time, and at the end."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._ended, timeout_s)
            if not self._items:
                return None
            if time.monotonic() - self._items[0][0] > PATIENCE_S:
                self._keep(1)
            return self._items.popleft()[1]

    def _keep(self, most: int) -> None:
        while len(self._items) > most:
            self._items.popleft()
            self.dropped += 1

    @property
    def ended(self) -> bool:
        """Whether nothing lies here and nothing will."""
        with self._changed:
            return self._ended and not self._items


class Closeable(ABC):
    """A context manager that closes itself at the end of its block."""

    @abstractmethod
    def close(self) -> None:
        """Releases what is held; calling it again changes nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AtomicOutput(ABC):
    """A context manager for something that is made: complete when its block ends well, else gone."""

    @abstractmethod
    def close(self) -> None:
        """Completes it."""

    @abstractmethod
    def abort(self) -> None:
        """Leaves nothing of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


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
