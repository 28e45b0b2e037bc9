"""Head pose: how far a head is turned, raised and tilted, from the six keypoints of its face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FACE_POINTS = np.array(
    [
        (-3.15, 0.0, 0.0),
        (3.15, 0.0, 0.0),
        (0.0, 2.86, -4.12),
        (0.0, 4.22, -1.21),
        (-6.17, 1.36, 1.89),
        (6.17, 1.36, 1.89),
    ]
)
"""Where the keypoints lie in a face that looks into the camera: (6, 3) centimetres from between the eyes; to the right
as seen, down, and away from the camera.

The start was MediaPipe's canonical face model: eyes 6.3 apart (an adult's mean), nose tip (0, 3.75, -3.83), mouth
(0, 6.93, -1.15), ears (7.74, 0.26, 5.65). But the detector does not put its points exactly there: ears lie on the
visible outline, which is nearer and lower. So nose, mouth and ears were moved until the angles agreed best with the
transformation matrices of MediaPipe's face landmarker on 308 photographs, half of 616 from Labeled Faces in the Wild.
On the other half they differ by 3.1, 4.0 and 3.3 degrees in the mean (yaw, pitch, roll; canonical points: 3.6, 11.9,
3.3), with correlations of 0.92, 0.78 and 0.85; on 252 frames of three clips by 4.9, 3.3 and 2.4. Large angles come out
too small: 20 to 30 degrees of yaw for 30 to 45, 10 degrees of pitch for 18.
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
        keypoints: (N, 6, 2) positions in pixels, MediaPipe's order.
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
    """The rotation (3, 3) that shows the face as (6, 2) points; None when there is none that is seen from the front."""
    try:
        solved, vector, _ = cv2.solvePnP(FACE_POINTS, points, _CAMERA, _NO_DISTORTION, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:
        return None
    if not solved or not np.isfinite(vector).all():
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
