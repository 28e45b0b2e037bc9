"""The plain types that travel between stages. A stage knows these and nothing of the other stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS

KEYPOINTS = 6
"""Keypoints of a face: right eye, left eye, nose tip, mouth centre, right ear, left ear (the person's own sides)."""


class Note(NamedTuple):
    """Something that was left out, mixed down, guessed or passed over in a recording whose analysis is whole."""

    code: str
    """What happened, a name for programs, such as "sound_mixed_down"."""
    text: str
    """One sentence for people, which names the file."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame; positions in pixels of the frame as displayed."""

    track: int
    """Identity within the recording, from 1."""
    box: tuple[float, float, float, float]
    """x, y of the upper left corner, width, height; may reach beyond the frame."""
    score: float
    """The detector's confidence, 0 to 1."""
    keypoints: NDArray[np.float32]
    """(6, 2) x, y of right eye, left eye, nose tip, mouth centre, right and left ear."""
    probabilities: NDArray[np.float32] | None = None
    """(7,) in the order of ``EMOTIONS``, sum 1; None before classification."""
    interpolated: bool = False
    """Whether the position was worked out from the frames around, because the detector missed the face in this one."""
    yaw: float = nan
    """Degrees that the head is turned, positive to the person's left; NaN where unknown, as for the next three."""
    pitch: float = nan
    """Degrees that the head is raised, positive up."""
    roll: float = nan
    """Degrees that the head is tilted, positive clockwise as seen."""
    sharpness: float = nan
    """0 for a wholly blurred face to 1; see ``fer_batch.faces.sharpness``."""

    @property
    def emotion(self) -> str | None:
        """The most probable emotion; None before classification."""
        return None if self.probabilities is None else EMOTIONS[int(self.probabilities.argmax())]


@dataclass(slots=True)
class Faces:
    """All faces of one frame as arrays: what detector, tracker and classifier hand on.

    Positions are float32 pixels of the frame as displayed, rotation applied.
    """

    boxes: NDArray[np.float32]
    """(N, 4) x, y, width, height."""
    keypoints: NDArray[np.float32]
    """(N, 6, 2); the centre of the upper left pixel is (0, 0), while boxes count from its corner."""
    scores: NDArray[np.float32]
    """(N,) the detector's confidence."""
    tracks: NDArray[np.int32]
    """(N,) identities from 1; 0 where none is given (yet)."""
    interpolated: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(N,) whether the position was worked out from the frames around instead of found; all False unless given."""

    def __post_init__(self) -> None:
        if not len(self.interpolated):
            self.interpolated = np.zeros(len(self.scores), np.bool_)

    @classmethod
    def none(cls) -> Faces:
        """No face."""
        return cls(
            np.zeros((0, 4), np.float32),
            np.zeros((0, KEYPOINTS, 2), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int32),
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Faces]) -> Faces:
        """All faces of several, in their order."""
        parts = [cls.none(), *parts]
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.keypoints for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.tracks for part in parts]),
            np.concatenate([part.interpolated for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Faces:
        return Faces(
            self.boxes[keep], self.keypoints[keep], self.scores[keep], self.tracks[keep], self.interpolated[keep]
        )

    def scaled(self, x: float, y: float) -> Faces:
        """The same faces in a picture ``x`` times as wide and ``y`` times as high."""
        factors = np.array([x, y, x, y], np.float32)
        keypoints = (self.keypoints + np.float32(0.5)) * factors[:2] - np.float32(0.5)
        return Faces(self.boxes * factors, keypoints, self.scores, self.tracks, self.interpolated)

    def moved(self, x: float, y: float) -> Faces:
        """The same faces in a picture of which theirs is the part from (x, y) on."""
        corner = np.array([x, y, 0, 0], np.float32)
        return Faces(self.boxes + corner, self.keypoints + corner[:2], self.scores, self.tracks, self.interpolated)


@dataclass(slots=True)
class Observation:
    """One analysed frame: when it was, who is in it, what the faces express."""

    frame: int
    """Index in presentation order from 0, counting every decoded frame, analysed or not."""
    time_s: float
    """Presentation time in seconds from the stream's start."""
    detected: Faces
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, len(EMOTIONS)), np.float32))
    """(N, 7) calibrated, each row sums to 1."""
    captured_at: datetime | None = None
    """Live sources only: wall clock at arrival, UTC."""
    poses: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """(N, 3) yaw, pitch, roll in degrees, NaN where unknown (``fer_batch.faces.head_pose``); none when not measured."""
    sharpness: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """(N,) from 0 to 1, NaN where unknown (see ``fer_batch.faces.sharpness``); none when not measured."""

    @property
    def faces(self) -> list[Face]:
        """The faces one by one, ordered by track."""
        return list(self)

    def __len__(self) -> int:
        return len(self.detected)

    def __iter__(self) -> Iterator[Face]:
        faces = self.detected
        for i in range(len(faces)):
            x, y, width, height = (float(v) for v in faces.boxes[i])
            yaw, pitch, roll = (float(v) for v in self.poses[i]) if len(self.poses) else (nan, nan, nan)
            yield Face(
                int(faces.tracks[i]),
                (x, y, width, height),
                float(faces.scores[i]),
                faces.keypoints[i],
                self.probabilities[i] if len(self.probabilities) else None,
                bool(faces.interpolated[i]),
                yaw,
                pitch,
                roll,
                float(self.sharpness[i]) if len(self.sharpness) else nan,
            )
