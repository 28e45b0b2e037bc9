"""Where a thread leaves things for another one, which takes them soon or misses them: the newest comes first."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PATIENCE_S: Final = 0.3
"""Seconds that an item may wait: networks and servers hand on several frames at once, and none of these need be lost
where they are worked on within that time."""


class Newest(Generic[T]):
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
