"""Annotated pictures for those who look at them, made only while somebody does."""

from __future__ import annotations

import time
from threading import Condition, Thread
from typing import Final, Protocol

from fer_batch.live.events import Seen
from fer_batch.live.overlay import Drawing, jpeg_of
from fer_batch.utils.concurrency import Closing

_LONGEST_SIDE: Final = 1280
"""Pixels: a face's chart can be read, and a picture has about 100 kB."""
_QUALITY: Final = 80
_APART_S: Final = 1 / 15
"""Between two pictures: smooth enough to look at, and little beside the analysis."""


class Pictures(Protocol):
    """Where annotated pictures go, while somebody looks at them."""

    @property
    def wanted(self) -> bool:
        """Whether somebody does; none need be made otherwise."""
        ...

    def show(self, jpeg: bytes) -> None:
        """Hands on a picture; it returns at once, and only the latest counts."""
        ...


class PictureMaker(Closing):
    """Draws and encodes in a thread of its own; of what it is given meanwhile, only the newest.

    Args:
        pictures: asked whether any are wanted, and given them.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._changed = Condition()
        self._newest: Seen | None = None
        self._over = False
        self._thread = Thread(target=self._run, name="fer-batch pictures", daemon=True)
        self._thread.start()

    def take(self, seen: Seen) -> None:
        """Takes a frame with its picture."""
        if seen.frame is not None and self._pictures.wanted:
            with self._changed:
                self._newest = seen
                self._changed.notify()

    def close(self) -> None:
        """Makes no more."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        drawing = Drawing(_LONGEST_SIDE)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._over)
                seen, self._newest = self._newest, None
                if self._over or seen is None or seen.frame is None:
                    return
            began_s = time.monotonic()
            self._pictures.show(jpeg_of(drawing.draw(seen.frame, seen.observation), _QUALITY))
            del seen
            time.sleep(max(0.0, _APART_S - (time.monotonic() - began_s)))
