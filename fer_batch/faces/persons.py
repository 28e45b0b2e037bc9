"""placeholder until the real one"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Persons:
    """x"""

    def __init__(self) -> None:
        self._e: dict[int, list[NDArray[np.float32]]] = {}
        self._t: set[int] = set()

    def see(self, tracks: NDArray[np.int32]) -> None:
        """x"""
        self._t.update(tracks.tolist())

    def add(self, track: int, embedding: NDArray[np.float32]) -> None:
        """x"""
        self._e.setdefault(track, []).append(embedding)

    def numbers(self) -> dict[int, int]:
        """x"""
        return {t: i + 1 for i, t in enumerate(sorted(self._t))}
