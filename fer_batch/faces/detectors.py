"""One network several times over, so that parts of a picture are looked at at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import TypeVar

from fer_batch.closing import Closing
from fer_batch.faces.detector import FaceDetector, MediaPipeDetector

T = TypeVar("T")
R = TypeVar("R")


class Detectors(Closing):
    """Equal detectors for one caller; what they find depends on neither their number nor their order.

    Args:
        kind: "short" or "full".
        minimum_score: detections below it are dropped.
        count: how many, at least one; each takes one to two cores while it looks.
        first: one of them, equal to the others, which may be used elsewhere while this is not.

    Raises:
        ModelError: when the network's file is missing or altered.
    """

    def __init__(self, kind: str, minimum_score: float, count: int = 1, first: MediaPipeDetector | None = None) -> None:
        self._detectors = [] if first is None else [first]
        while len(self._detectors) < count:
            self._detectors.append(MediaPipeDetector(kind, minimum_score))
        self._free: SimpleQueue[FaceDetector] = SimpleQueue()
        for detector in self._detectors:
            self._free.put(detector)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="fer-batch look closely")

    def map(self, look: Callable[[FaceDetector, T], R], items: Sequence[T]) -> list[R]:
        """What ``look`` returns for each item, in their order; it gets a detector that nobody else uses meanwhile.

        The first exception that it raises comes out when all items have been looked at.
        """
        if len(items) < 2 or len(self._detectors) < 2:
            return [look(self._detectors[0], item) for item in items]

        def borrowed(item: T) -> R:
            detector = self._free.get()
            try:
                return look(detector, item)
            finally:
                self._free.put(detector)

        futures = [self._pool.submit(borrowed, item) for item in items]
        wait(futures)
        return [future.result() for future in futures]

    def close(self) -> None:
        """Releases the networks and ends the threads."""
        self._pool.shutdown()
        for detector in self._detectors:
            detector.close()
