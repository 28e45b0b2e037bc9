"""How alike faces look: from one moment to the next by tiny portraits, over longer times by what a network sees."""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import CropGeometry, register
from fer_batch.types import Faces

_GEOMETRY = CropGeometry(size=24)
"""24 pixels: enough to tell brows, beard and light apart, too few for the detector's jitter to matter."""

SAME = 0.5
"""Distance of embeddings up to which two faces are taken for one person's: of photographs of two people one pair in
1,300 is as near, of one person's 83 %."""
OTHER = 0.6
"""Distance from which on they are two people's: of one person's photographs 1 % are as far."""
_SMALLEST = 32.0
"""Height of a face in pixels below which its embedding says little: of photographs of one person shrunk to 24 pixels
65 % are the same by the distance above, at 32 pixels 77 %."""


class View(Protocol):
    """A frame as far as looks need it; keypoints are in its pixels."""

    def luma(self) -> NDArray[np.uint8]:
        """(H, W)."""
        ...

    def embedding(self, keypoints: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(128,) what tells the face (6, 2) from other people's; None where not wanted, or too small."""
        ...

    def evidence(self, box: NDArray[np.float32], score: float) -> float:
        """How clearly second looks at a box (4,) show a face: from 1 on in a single one."""
        ...


class FaceAppearance:
    """Portraits and embeddings of a frame's faces, made when they are asked for and then kept.

    Args:
        faces: of the frame.
        view: the frame; None leaves every question open.
    """

    def __init__(self, faces: Faces, view: View | None) -> None:
        self._faces, self._view = faces, view
        self._portraits: dict[int, NDArray[np.float32]] = {}
        self._embeddings: dict[int, NDArray[np.float32] | None] = {}

    def portrait(self, row: int) -> NDArray[np.float32] | None:
        """(576,) of a face; see :func:`portrait`."""
        if row not in self._portraits and self._view is not None:
            self._portraits[row] = portrait(self._view.luma(), self._faces.keypoints[row])
        return self._portraits.get(row)

    def evidence(self, row: int) -> float:
        """How clearly second looks show a face; without a frame there is no doubt."""
        faces = self._faces
        return inf if self._view is None else self._view.evidence(faces.boxes[row], float(faces.scores[row]))

    def embedding(self, row: int) -> NDArray[np.float32] | None:
        """(128,) of a face."""
        if row not in self._embeddings and self._view is not None and self._faces.boxes[row, 3] >= _SMALLEST:
            self._embeddings[row] = self._view.embedding(self._faces.keypoints[row])
        return self._embeddings.get(row)


def difference(embeddings: list[NDArray[np.float32]], embedding: NDArray[np.float32]) -> float:
    """Euclidean distance of an embedding (128,) from the mean of several."""
    apart = embedding - np.mean(embeddings, axis=0)
    return float(np.sqrt(apart @ apart))


def portrait(luma: NDArray[np.uint8], keypoints: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The registered face as a vector (576,) of mean 0 and length 1, whatever the light; zeros for a flat one.

    The product of two is their normalised correlation, -1 to 1.

    Args:
        luma: (H, W) of the frame.
        keypoints: (6, 2) in its pixels, eyes and mouth apart.
    """
    face = register(luma, keypoints, _GEOMETRY).astype(np.float32).ravel()
    return unit(face - face.mean())


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vector at length 1; zeros stay zeros."""
    length = float(np.sqrt(vector @ vector))
    return vector / np.float32(length) if length > 1e-6 else vector
