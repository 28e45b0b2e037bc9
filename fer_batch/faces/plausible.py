"""Whether eyes and mouth lie as in a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import LEFT_EYE, MOUTH, RIGHT_EYE
from fer_batch.types import Faces

_EYES = (0.26, 0.58)
"""Distance of the eyes in box widths: 0.35 to 0.52 in 1,800 views of 150 photographs, tilted by up to 30 degrees and
24 to 200 pixels high; a face that is turned by 45 degrees has 0.7 of that. Textures have 0.09 to 0.49, half of them
less than 0.31."""
_MOUTH = (0.3, 0.6)
"""How far the mouth is below the eyes along the face's own axis, in box heights: 0.38 to 0.53 in the photographs."""
_ASIDE = 0.45
"""How far the mouth may be beside the middle of the eyes, in distances of the eyes: 0.28 in the photographs, more in
faces that are turned."""


def plausible(faces: Faces) -> NDArray[np.bool_]:
    """(N,) whether eyes and mouth lie in the box and to each other as in a face, whatever its tilt."""
    right, left, mouth = (faces.keypoints[:, point] for point in (RIGHT_EYE, LEFT_EYE, MOUTH))
    across = left - right
    distance = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    # The face's own axes: from the right eye to the left one, and from there downwards.
    axis = across / distance[:, None]
    down = np.stack([-axis[:, 1], axis[:, 0]], axis=1)
    away = mouth - (right + left) / 2
    below, aside = (away * down).sum(1), np.abs((away * axis).sum(1))
    width, height = np.maximum(faces.boxes[:, 2:].T, 1e-6)
    eyes, mouths = distance / width, below / height
    return np.asarray(
        (eyes > _EYES[0]) & (eyes < _EYES[1]) & (mouths > _MOUTH[0]) & (mouths < _MOUTH[1])
        & (aside < _ASIDE * distance),
        np.bool_,
    )  # fmt: skip
