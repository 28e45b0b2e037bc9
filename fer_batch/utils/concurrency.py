"""Threads: an ordered map, a prefetcher, a queue of the latest value, closeable resources and heartbeats."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue, SimpleQueue
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from fer_batch.utils.profiling import StageTimer, waited

T = TypeVar("T")
R = TypeVar("R")


class UntilFault(Generic[T]):
    """The items up to the first that fails. Its error is kept until what waits in later stages has come out."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items
        self._fault: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        try:
            yield from self._items
        except Exception as error:
            self._fault = error

    def raise_fault(self) -> None:
        """Raise the error that ended the items, if any."""
        if self._fault is not None:
            raise self._fault


def ordered_map(
    items: Iterable[T],
    functions: Sequence[Callable[[T], R]],
    depth: int,
    name: str,
    timer: StageTimer | None = None,
) -> Generator[R]:
    """Yield the results of items in their order, made by a pool of threads.

    An exception of ``items`` or of a function comes out at its place, and ends it. When the generator is closed, the
    threads end after the items that they are at.

    Args:
        items: drawn by the consumer's thread.
        functions: that all do the same, each called by one thread at a time; there are as many threads.
        depth: most items that are drawn and have not been given out.
        name: of the threads.
        timer: gets how long results are waited for, under that name.
    """
    free: SimpleQueue[Callable[[T], R]] = SimpleQueue()
    for function in functions:
        free.put(function)

    def call(item: T) -> R:
        function = free.get()
        try:
            return function(item)
        finally:
            free.put(function)

    intact, results, depth = UntilFault(items), deque[Future[R]](), max(depth, len(functions))
    pool = ThreadPoolExecutor(len(functions), name)
    try:
        for item in intact:
            results.append(pool.submit(call, item))
            # A picture is in it, and the next item may be long in coming.
            del item
            if len(results) >= depth:
                with waited(timer, name):
                    result = results.popleft().result()
                yield result
                del result
        while results:
            with waited(timer, name):
                result = results.popleft().result()
            yield result
        intact.raise_fault()
    finally:
        pool.shutdown(cancel_futures=True)


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
        """Add an item, without waiting; after the end it is ignored."""
        with self._changed:
            if self._ended:
                return
            self._items.append((time.monotonic(), item))
            self._keep(self._most)
            self._changed.notify_all()

    def end(self, *, discard: bool = False) -> None:
        """Accept the end of the items; those that wait can still be taken unless they are discarded."""
        with self._changed:
            self._ended = True
            if discard:
                self._items.clear()
            self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> T | None:
        """Return the next item, waited for if there is none; None after that time, and at the end."""
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
