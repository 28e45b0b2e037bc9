"""Registration: the similarity transform that levels, centres and scales a face for the classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, RIGHT_EAR, LEFT_EAR = range(6)
"""MediaPipe's six face-detection keypoints, in their order; left and right are the person's own."""

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


def similarity(keypoints: NDArray[np.floating[Any]], geometry: CropGeometry) -> NDArray[np.float64]:
    """The 2x3 matrix that maps picture pixels to crop pixels.

    Least squares over eyes and mouth, a rotation, one scale and a shift (Umeyama 1991, without reflection; in the
    plane it has the closed form used here).

    Args:
        keypoints: (6, 2) positions in picture pixels, MediaPipe's order.
        geometry: where the anchors belong.

    Raises:
        ValueError: when eyes and mouth fall on one point.
    """
    source = np.asarray(keypoints, np.float64)[list(ANCHORS)]
    target = geometry.template()
    source_mean, target_mean = source.mean(0), target.mean(0)
    p, q = source - source_mean, target - target_mean
    spread = float((p * p).sum())
    if spread < 1e-6:
        raise ValueError("the face's keypoints coincide")
    a = float((p * q).sum()) / spread
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    linear = np.array([[a, -b], [b, a]])
    shift = target_mean - linear @ source_mean
    return np.hstack([linear, shift[:, None]])


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
    matrix = similarity(keypoints, geometry)
    size = geometry.size
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[-1.0, -1, 1], [size, -1, 1], [size, size, 1], [-1, size, 1]]) @ inverse.T
    height, width = picture.shape[:2]
    x0, y0 = np.floor(corners.min(0)).astype(int)
    x1, y1 = np.ceil(corners.max(0)).astype(int) + 1
    x0, x1 = np.clip([x0, x1], 0, width)
    y0, y1 = np.clip([y0, y1], 0, height)
    # A face beyond the border: what is left is its nearest edge.
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    patch = picture[y0:y1, x0:x1]
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (float(x0), float(y0))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shrink = int(1.0 / scale)
    if shrink >= _HALVED_FIRST:
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
    return np.stack([register(picture, points, geometry) for points in keypoints])
