"""One place where a thread leaves the newest of something for another one, which takes it or misses it."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Holds at most one item, so that nothing piles up behind a slow reader."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None
        self._ended = False
        self.dropped = 0
        """Items that a newer one has replaced before they were taken."""

    def put(self, item: T) -> None:
        """Leaves an item; waits for nobody."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def end(self) -> None:
        """There will be no more; what lies here can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """The newest item, waited for if there is none; None after that time, and at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._ended, timeout_s)
            item, self._item = self._item, None
            return item

    @property
    def ended(self) -> bool:
        """Whether nothing lies here and nothing will."""
        with self._changed:
            return self._ended and self._item is None
