"""Head pose: how far a head is turned, raised and tilted, from the five landmarks of its face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FACE_POINTS = np.array(
    [
        (-3.15, 0.0, 0.0),
        (3.15, 0.0, 0.0),
        (0.0, 2.88, -3.51),
        (-2.7, 5.74, -0.08),
        (2.7, 5.74, -0.08),
    ]
)
"""Where the keypoints lie in a face that looks into the camera: (5, 3) centimetres from between the eyes; to the right
as seen, down, and away from the camera.

Eyes are 6.3 apart (an adult's mean) and corners of the mouth 5.4, as YuNet sees them. Nose and mouth were moved until
the angles agreed best with those from MediaPipe's six keypoints (ears too), which had been fitted to the transformation
matrices of MediaPipe's face landmarker: they differed from these by 3.1, 4.0 and 3.3 degrees in the mean (yaw, pitch,
roll). From those six keypoints the five differ by 3.6, 5.6 and 2.8 degrees in the median on 600 photographs from
Labeled Faces in the Wild, with correlations of 0.91, 0.63 and 0.84. Large angles come out too small.
"""

_CAMERA = np.eye(3)
"""Positions in units of the focal length, from the picture's centre."""
_NO_DISTORTION = np.zeros(4)

_NEAREST = 1e-3
"""Least extent of the keypoints in pixels; below it there is no direction to tell."""


def head_poses(keypoints: NDArray[np.floating[Any]], longer_side: float) -> NDArray[np.float32]:
    """Yaw, pitch and roll (N, 3) in degrees, NaN for a face whose pose cannot be found.

    Yaw is positive when the head is turned to the person's left (to the right as seen), pitch when it is raised, roll
    when it is tilted clockwise as seen. Mirroring the picture changes the signs of yaw and roll, turning the picture
    changes roll alone: the rotation is roll after yaw after pitch. OpenFace's ``pose_Rz`` has the same sign as roll,
    ``pose_Ry`` and ``pose_Rx`` the opposite ones of yaw and pitch.

    The perspective is that of a camera whose focal length is the picture's longer side (a field of view of 53 degrees),
    pointed at the face: zero is to look into the camera, wherever in the picture the face is. With the camera pointed
    at the picture's centre instead, a guessed focal length would shift the yaw of faces near the border by several
    degrees.

    Args:
        keypoints: (N, 5, 2) landmarks in pixels.
        longer_side: of the picture that they are pixels of.
    """
    poses = np.full((len(keypoints), 3), np.nan, np.float32)
    for i, points in enumerate(np.asarray(keypoints, np.float64)):
        if not np.isfinite(points).all():
            continue
        centred = points - points.mean(0)
        if np.abs(centred).max() < _NEAREST:
            continue
        rotation = _rotation(np.ascontiguousarray(centred / longer_side))
        if rotation is not None:
            poses[i] = _angles(rotation)
    return poses


def _rotation(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The rotation (3, 3) that shows the face as (5, 2) points; None when there is none that is seen from the front."""
    try:
        found, vector, _ = cv2.solvePnP(FACE_POINTS, points, _CAMERA, _NO_DISTORTION, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:
        return None
    if not found or not np.isfinite(vector).all():
        return None
    rotation = np.asarray(cv2.Rodrigues(vector)[0], np.float64)
    return rotation if rotation[2, 2] > 0 else None


def _angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a rotation about x to the right, y down and z away from the camera."""
    right, down, away = rotation.tolist()
    yaw = np.arctan2(away[0], np.hypot(right[0], down[0]))
    pitch = -np.arctan2(away[1], away[2])
    roll = np.arctan2(down[0], right[0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
