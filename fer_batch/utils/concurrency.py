"""Work on items in several threads at once, given out in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Lock, Thread
from typing import Generic, Self, TypeVar

from fer_batch.utils.profiling import Stopwatch, waited

T = TypeVar("T")
R = TypeVar("R")


class _Raised:
    """In place of a result."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class InOrder(Generic[T, R]):
    """Results of items in their order, made by one thread for each of some functions.

    An exception of ``items`` or of a function comes out at its place, and ends it.

    Args:
        items: drawn by one thread at a time.
        functions: that all do the same, each called by one thread alone.
        depth: most items that are drawn and have not been given out.
        name: of the threads.
        stopwatch: gets how long results are waited for, under that name.
    """

    def __init__(
        self,
        items: Iterator[T],
        functions: Sequence[Callable[[T], R]],
        depth: int,
        name: str,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self._name, self._stopwatch = name, stopwatch
        self._items, self._depth = items, max(depth, len(functions))
        self._drawing, self._changed = Lock(), Condition()
        self._results: dict[int, R | _Raised] = {}
        self._drawn = self._given = 0
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
            with waited(self._stopwatch, self._name):
                self._changed.wait_for(
                    lambda: (
                        self._given in self._results or (self._ended and self._given >= self._drawn) or self._stopped
                    )
                )
            if self._given not in self._results:
                raise StopIteration
            result = self._results.pop(self._given)
            self._given += 1
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
                self._changed.wait_for(lambda: self._stopped or self._drawn - self._given < self._depth)
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
