"""Registration: the similarity transform that levels, centres and scales a face for the classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, floor, hypot, isfinite
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, RIGHT_EAR, LEFT_EAR = range(6)
"""The six keypoints of a face, in MediaPipe's order and places; left and right are the person's own."""

ANCHORS = (RIGHT_EYE, LEFT_EYE, MOUTH)
"""Keypoints that registration holds on to."""
_SIZES = (8, 512)
"""Sides that a crop may have."""
_HALVED_FIRST = 8
"""Factor from which on a face is halved before all else, which takes a third of the time of any other factor and rounds
once more; smaller faces have little to gain."""


@dataclass(frozen=True, slots=True)
class CropGeometry:
    """Where a registered face lies in its square crop.

    Positions are fractions of the crop's side. The defaults are the medians of MediaPipe's keypoints over
    FER2013's training pictures (found in 99 % of them), the framing that the shipped network was trained on:
    eyes 0.365 apart at 0.392 from the top, the mouth's centre at 0.775. Eyes and mouth together fix the scale,
    so a face turned sideways, whose eyes draw nearer, is not blown up.
    """

    size: int = 48
    """Side of the crop in pixels."""
    right_eye: tuple[float, float] = (0.3175, 0.392)
    left_eye: tuple[float, float] = (0.6825, 0.392)
    mouth: tuple[float, float] = (0.5, 0.775)

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or not _SIZES[0] <= self.size <= _SIZES[1]:
            raise ValueError(f"size is {self.size!r}; expected a whole number from {_SIZES[0]} to {_SIZES[1]}")
        points = (self.right_eye, self.left_eye, self.mouth)
        if not all(len(point) == 2 and all(isfinite(value) for value in point) for point in points):
            raise ValueError("right_eye, left_eye and mouth must be two numbers each")
        if np.ptp(np.array(points), axis=0).max() < 0.05:
            raise ValueError("right_eye, left_eye and mouth lie on one point")

    def template(self) -> NDArray[np.float64]:
        """Target positions (3, 2) of right eye, left eye and mouth in crop pixels."""
        # Pixel centres sit at whole numbers, so a fraction f of the side is at f * size - 0.5.
        return np.array([self.right_eye, self.left_eye, self.mouth]) * self.size - 0.5

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a model's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CropGeometry:
        """The reverse of :meth:`to_dict`; unknown keys are a ``TypeError``."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**plain)


def similarities(keypoints: NDArray[np.floating[Any]], geometry: CropGeometry) -> NDArray[np.float64]:
    """The matrices (N, 2, 3) that map picture pixels to crop pixels.

    Least squares over eyes and mouth: a rotation, one scale and a shift (Umeyama 1991, without reflection; in the plane
    it has the closed form used here, with points as complex numbers).

    Args:
        keypoints: (N, 6, 2) positions in picture pixels.
        geometry: where the anchors belong.

    Raises:
        ValueError: when eyes and mouth fall on one point.
    """
    source = np.asarray(keypoints, np.float64)[:, list(ANCHORS)].view(np.complex128)[..., 0]
    target = geometry.template().view(np.complex128)[:, 0]
    centre, middle = source.mean(1, keepdims=True), target.mean()
    spread = (np.abs(source - centre) ** 2).sum(1)
    if not (spread >= 1e-6).all():
        raise ValueError("the face's keypoints coincide")
    turn = (np.conj(source - centre) * (target - middle)).sum(1) / spread
    shift = middle - turn * centre[:, 0]
    rows = [turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag]
    return np.stack(rows, axis=1).reshape(-1, 2, 3)


def register(
    picture: NDArray[np.uint8], keypoints: NDArray[np.floating[Any]], geometry: CropGeometry
) -> NDArray[np.uint8]:
    """The registered face as a uint8 picture, (size, size) or (size, size, 3).

    A face larger than the crop is averaged down before it is resampled, so that fine texture does not turn into
    noise: the neighbourhood is shrunk by a whole factor to at most twice the crop's scale, then warped bilinearly.
    Pixels beyond the picture repeat its edge.

    Args:
        picture: (H, W) luma or (H, W, 3) RGB.
        keypoints: (6, 2) positions in pixels of ``picture``.
        geometry: the crop's framing.

    Raises:
        ValueError: when the keypoints coincide.
    """
    return _warped(picture, similarities(keypoints[None], geometry)[0], geometry.size)


def _warped(picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    (a, b, c), (d, e, f) = cv2.invertAffineTransform(matrix).tolist()
    across = [a * x + b * y + c for x in (-1, size) for y in (-1, size)]
    along = [d * x + e * y + f for x in (-1, size) for y in (-1, size)]
    x0, x1 = _inside(across, picture.shape[1])
    y0, y1 = _inside(along, picture.shape[0])
    patch = picture[y0:y1, x0:x1]
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (float(x0), float(y0))
    shrink = int(hypot(a, d))
    if shrink >= _HALVED_FIRST and min(patch.shape[:2]) > 1:
        half = patch.shape[1] // 2, patch.shape[0] // 2
        whole = patch[: 2 * half[1], : 2 * half[0]]
        patch = cv2.resize(whole, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        # A pixel centre x of the half patch lies at 2 x + 0.5 of the whole one.
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)
        matrix[:, :2] *= 2
        shrink //= 2
    if shrink >= 2:
        small = (max(1, round(patch.shape[1] / shrink)), max(1, round(patch.shape[0] / shrink)))
        factors = np.array([patch.shape[1] / small[0], patch.shape[0] / small[1]])
        patch = cv2.resize(patch, small, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        # A pixel centre x of the small patch lies at (x + 0.5) * factor - 0.5 of the large one.
        matrix[:, 2] += matrix[:, :2] @ (factors / 2 - 0.5)
        matrix[:, :2] *= factors
    crop = cv2.warpAffine(patch, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _inside(places: list[float], length: int) -> tuple[int, int]:
    """First and last pixel (exclusive) around some places in a row of pixels; of places beyond it the nearest one."""
    first = min(max(floor(min(places)), 0), length - 1)
    return first, max(min(ceil(max(places)) + 1, length), first + 1)


def register_all(
    picture: NDArray[np.uint8], keypoints: NDArray[np.floating[Any]], geometry: CropGeometry
) -> NDArray[np.uint8]:
    """The registered crops (N, size, size), or (N, size, size, 3), of all faces in a picture; see :func:`register`.

    Args:
        picture: (H, W) luma or (H, W, 3) RGB.
        keypoints: (N, 6, 2) positions in pixels of ``picture``.
        geometry: the crops' framing.
    """
    if not len(keypoints):
        return np.zeros((0, geometry.size, geometry.size, *picture.shape[2:]), np.uint8)
    return np.stack([_warped(picture, matrix, geometry.size) for matrix in similarities(keypoints, geometry)])
