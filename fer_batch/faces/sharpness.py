"""Sharpness: how fine the detail is that a face's picture shows."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import ANCHORS

_SIDE: Final = 56
"""Pixels of the square in which sharpness is measured: a face with eyes 28 pixels apart. Emotion networks hardly look
at finer detail; a face shown with less is enlarged to it and thereby as blurred as it is."""
_REACH: Final = 2.56
"""Side of the square in radii of the face (see :func:`_squares`): twice the distance of the eyes in the face that
registration goes by. It holds eyes, nose and mouth, hardly any hair, and no background."""
_FINE: Final = 0.8
"""Standard deviation in pixels of the smoothing before gradients are taken: enough to calm a sensor's noise."""
_COARSE: Final = 2 * _FINE
"""The same for the gradients that are compared with."""
_FLAT: Final = 0.05
"""Mean square of the gradients below which a face is rounding errors only."""


def sharpness_of_faces(luma: NDArray[np.uint8], keypoints: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The sharpness (N,) of each face from 0 to 1, NaN for one that shows nothing or is not in the picture.

    A face is brought to a fixed size, and the mean square of its gradients is taken at two scales, one twice as coarse
    as the other: sharpness is 1 - coarse / fine, for the gradients across or along, whichever is less: motion blurs one
    of them. At a step edge blurred by a Gaussian of standard deviation s the mean square is proportional to
    1 / sqrt(s^2 + scale^2), so perfect edges give 0.5, blurred ones less, down to 0; fine texture and noise give more.
    The gradients' own size, and with it brightness and contrast, cancels out.

    Typical values (5 %, median, 95 % of 252 photographs from Labeled Faces in the Wild): as they are 0.36, 0.46, 0.57;
    blurred with a standard deviation of 1 % of the face box's width 0.30, 0.39, 0.49, of 2 % 0.21, 0.27, 0.35, of 4 %
    0.12, 0.15, 0.20; shrunk to a box 48 pixels wide 0.30, 0.40, 0.50, to 24 pixels 0.21, 0.28, 0.36; moved sideways
    during the exposure by 5 % of the width 0.29, 0.38, 0.46, by 20 % 0.16, 0.22, 0.31.

    Args:
        luma: (H, W) at the resolution of the recording.
        keypoints: (N, 6, 2) positions in pixels of ``luma``.
    """
    values = np.full(len(keypoints), np.nan, np.float32)
    for i, (x, y, side) in enumerate(_squares(keypoints)):
        if side >= 1:
            values[i] = _sharpness(luma, x, y, side)
    return values


def _squares(keypoints: NDArray[np.floating[Any]]) -> list[tuple[int, int, int]]:
    """Left, top and side in whole pixels of each face's square around eyes and mouth; side 0 where there is none.

    The radius of a face is the root of the mean squared distance of eyes and mouth from their centre.
    """
    anchors = np.asarray(keypoints, np.float64)[:, list(ANCHORS)]
    centres = anchors.mean(1)
    radii = np.sqrt(((anchors - centres[:, None]) ** 2).sum(2).mean(1))
    squares = np.column_stack([centres - radii[:, None] * _REACH / 2 + 0.5, radii * _REACH])
    # Farther away than whole numbers reach.
    squares[~(np.abs(squares) < 1e9).all(1)] = 0
    return [(x, y, side) for x, y, side in np.rint(squares).astype(np.int64).tolist()]


def _sharpness(luma: NDArray[np.uint8], x: int, y: int, side: int) -> float:
    height, width = luma.shape
    patch = luma[max(0, y) : min(height, y + side), max(0, x) : min(width, x + side)]
    # Of a face cut off by the picture's border, what is left; less than a quarter of it tells nothing.
    if 4 * patch.shape[0] * patch.shape[1] < side * side:
        return np.nan
    fine = _smoothed(_at_fixed_size(patch, side).astype(np.float32), _FINE)
    coarse = _smoothed(fine, float(np.sqrt(_COARSE**2 - _FINE**2)))
    energies = _gradients(fine)
    if sum(energies) < _FLAT * fine.size:
        return np.nan
    pairs = zip(_gradients(coarse), energies, strict=True)
    return max(0.0, min(1 - rough / max(energy, 1e-9) for rough, energy in pairs))


def _at_fixed_size(patch: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The patch as it is in a square of ``_SIDE`` instead of ``side`` pixels."""
    shrink = side // _SIDE
    # By whole factors first, of which two is the fastest by far.
    while shrink >= 2:
        factor = 2 if shrink % 2 == 0 else shrink
        height, width = (length // factor for length in patch.shape)
        patch = np.asarray(
            cv2.resize(patch[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        side //= factor
        shrink //= factor
    scale = _SIDE / side
    size = max(2, round(patch.shape[1] * scale)), max(2, round(patch.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(patch, size, interpolation=method), np.uint8)


def _smoothed(gray: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    # Three standard deviations to either side; OpenCV's own choice of four costs a third more.
    side = 2 * int(np.ceil(3 * deviation)) + 1
    return np.asarray(cv2.GaussianBlur(gray, (side, side), deviation), np.float32)


def _gradients(gray: NDArray[np.float32]) -> tuple[float, float]:
    """Sums of the squared differences of neighbouring pixels, across and along."""
    across = cv2.norm(gray[:, 1:], gray[:, :-1], cv2.NORM_L2SQR)
    return across, cv2.norm(gray[1:], gray[:-1], cv2.NORM_L2SQR)
