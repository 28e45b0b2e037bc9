"""Scenes: who moves where before what, drawn frame by frame with all that is true of each frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
from benchmarks.tracking.cutouts import Cutout, draw
from benchmarks.tracking.motion import Path, Placement, wave
from benchmarks.tracking.photographs import Picture
from numpy.typing import NDArray

_MARGIN = 40
"""Pixels that a background reaches beyond the frame on every side, for the camera to shake over."""
_GRAIN = 2.0
"""Standard deviation of the sensor's noise."""
_WHITE = 252
"""What a flash leaves of the picture."""


@dataclass(frozen=True, slots=True)
class TrueFace:
    """A face that is in the scene, seen or not."""

    identity: str
    box: tuple[float, float, float, float]
    """x, y, width, height of the whole face in pixels of the frame; may reach beyond it."""
    visible: float
    """Share of the face, from 0 to 1, that is inside the frame and not hidden, faded or outshone."""


@dataclass(frozen=True, slots=True)
class SceneFrame:
    """A picture and the truth about it."""

    index: int
    time_s: float
    rgb: Picture
    faces: tuple[TrueFace, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Something that moves: a head, or a thing that hides heads."""

    cutout: Cutout
    path: Path
    is_face: bool = True


@dataclass(frozen=True)
class Shot:
    """What one camera shows for a time.

    Times are the scene's, so a shot that comes back goes on where it would be by then.
    """

    background: Picture
    """As large as the frame and a margin around it; see :func:`background_size`."""
    layers: tuple[Layer, ...]
    """From back to front."""
    start_s: float = 0.0
    end_s: float = float("inf")
    """Where the next shot begins before this one ends, the two dissolve into each other."""
    camera: Path | None = None
    """Centre and height of the part of the background that fills the frame, in its pixels, kept inside it; the camera
    pans and zooms over a picture of any size. None for the middle at its own size."""


@dataclass(frozen=True)
class Scene:
    """A video that is yet to be drawn."""

    name: str
    group: str
    """Kind of scene, for summaries."""
    size: tuple[int, int]
    fps: float
    seconds: float
    shots: tuple[Shot, ...]
    """In order of time."""
    seed: int = 0
    """Of noise and shaking."""
    shake: float = 0.0
    """Pixels that the camera strays at most, up to the margin."""
    pan: float = 0.0
    """Pixels a second that backgrounds move to the left; each is followed by its mirror image, around and around."""
    flashes: tuple[tuple[float, float], ...] = ()
    """Seconds from and to which the picture is white."""

    def __post_init__(self) -> None:
        if not 0 <= self.shake <= _MARGIN:
            raise ValueError(f"shake is {self.shake}; expected 0 to {_MARGIN}")

    @cached_property
    def cuts(self) -> tuple[float, ...]:
        """Times at which one shot follows another at once."""
        return tuple(after.start_s for before, after in pairwise(self.shots) if after.start_s >= before.end_s)

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return round(self.seconds * self.fps)

    def frames(self) -> Iterator[SceneFrame]:
        """The frames in order, the same ones every time."""
        rng = np.random.default_rng([self.seed, 7])
        sway = wave(rng, 0.5, 5), wave(rng, 0.5, 5)
        grain = _grain(self.size, rng)
        for index in range(self.frame_count):
            time_s = index / self.fps
            shift = self.shake * sway[0](time_s), self.shake * sway[1](time_s)
            rgb, faces = self._compose(time_s, shift)
            if any(start <= time_s < end for start, end in self.flashes):
                rgb[:] = _WHITE
                faces = [TrueFace(face.identity, face.box, 0.0) for face in faces]
            yield SceneFrame(index, time_s, _with_grain(rgb, grain, rng), tuple(faces))

    def _compose(self, time_s: float, shift: tuple[float, float]) -> tuple[Picture, list[TrueFace]]:
        """The shots that are on at a time, one dissolving into the other where there are two."""
        active = [shot for shot in self.shots if shot.start_s <= time_s < shot.end_s]
        if len(active) == 1:
            return self._draw(active[0], time_s, shift)
        before, after = active
        share = (time_s - after.start_s) / (before.end_s - after.start_s)
        old, faces = self._draw(before, time_s, shift)
        new, later = self._draw(after, time_s, shift)
        mixed = np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0), np.uint8)
        return mixed, [
            TrueFace(face.identity, face.box, face.visible * weight)
            for weight, group in ((1 - share, faces), (share, later))
            for face in group
        ]

    def _draw(self, shot: Shot, time_s: float, shift: tuple[float, float]) -> tuple[Picture, list[TrueFace]]:
        if shot.camera is None:
            canvas = self._background(shot.background, time_s, shift)
        else:
            canvas = _filmed(shot.background, shot.camera(time_s), self.size)
        drawn: list[_Drawn] = []
        for layer in shot.layers:
            place = layer.path(time_s)
            if place is None:
                continue
            place = Placement(place.x + shift[0], place.y + shift[1], place.height)
            area, opacity = draw(canvas, layer.cutout, place.x, place.y, place.height)
            for earlier in drawn:
                earlier.hide(area, opacity)
            if layer.is_face:
                drawn.append(_Drawn(layer.cutout, place, area, opacity))
        return canvas, [one.truth() for one in drawn]

    def _background(self, picture: Picture, time_s: float, shift: tuple[float, float]) -> Picture:
        if self.pan:
            endless = np.hstack([picture, picture[:, ::-1]])
            picture = np.roll(endless, -round(self.pan * time_s), axis=1)
        width, height = self.size
        if shift == (0.0, 0.0):
            return picture[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width].copy()
        matrix = np.array([[1, 0, shift[0] - _MARGIN], [0, 1, shift[1] - _MARGIN]], np.float64)
        return np.asarray(cv2.warpAffine(picture, matrix, self.size, flags=cv2.INTER_LINEAR), np.uint8)


def _filmed(picture: Picture, part: Placement | None, size: tuple[int, int]) -> Picture:
    """A part of a picture at the size of a frame."""
    assert part is not None
    tall, wide = picture.shape[:2]
    height = min(part.height, tall, wide * size[1] / size[0])
    width = height * size[0] / size[1]
    left = float(np.clip(part.x - width / 2, 0, wide - width))
    top = float(np.clip(part.y - height / 2, 0, tall - height))
    scale = size[1] / height
    # Averaged down before it is sampled, as a lens and a sensor do.
    while scale <= 0.5:
        picture = np.asarray(cv2.pyrDown(picture), np.uint8)
        left, top, scale = left / 2, top / 2, scale * 2
    matrix = np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])
    return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def background_size(size: tuple[int, int]) -> tuple[int, int]:
    """How large the background of a frame of this size must be."""
    return size[0] + 2 * _MARGIN, size[1] + 2 * _MARGIN


class _Drawn:
    """A face on the canvas, which later layers may hide."""

    def __init__(
        self, cutout: Cutout, place: Placement, area: tuple[int, int, int, int], opacity: NDArray[np.float32]
    ) -> None:
        self._identity = cutout.identity
        width = place.height * cutout.box[2] / cutout.box[3]
        self._box = (place.x - width / 2, place.y - place.height / 2, width, place.height)
        self._whole = cutout.fill * width * place.height
        left, top = max(area[0], round(self._box[0])), max(area[1], round(self._box[1]))
        right, bottom = min(area[2], round(self._box[0] + width)), min(area[3], round(self._box[1] + place.height))
        self._area = (left, top, max(left, right), max(top, bottom))
        self._seen = opacity[top - area[1] : self._area[3] - area[1], left - area[0] : self._area[2] - area[0]].copy()

    def hide(self, area: tuple[int, int, int, int], opacity: NDArray[np.float32]) -> None:
        """Something was drawn over it."""
        left, top = max(area[0], self._area[0]), max(area[1], self._area[1])
        right, bottom = min(area[2], self._area[2]), min(area[3], self._area[3])
        if left < right and top < bottom:
            x, y = self._area[:2]
            over = opacity[top - area[1] : bottom - area[1], left - area[0] : right - area[0]]
            self._seen[top - y : bottom - y, left - x : right - x] *= 1 - over

    def truth(self) -> TrueFace:
        """What is left of it."""
        seen = float(self._seen.sum()) / max(1e-6, self._whole)
        return TrueFace(self._identity, self._box, min(1.0, seen))


def _grain(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int16]:
    """Noise for a little more than a frame, so that each frame gets another part of it."""
    values = rng.normal(0, _GRAIN, (size[1] + 64, size[0] + 64, 3))
    return np.rint(values).astype(np.int16)


def _with_grain(rgb: Picture, grain: NDArray[np.int16], rng: np.random.Generator) -> Picture:
    x, y = rng.integers(0, 64, 2).tolist()
    noisy = rgb + grain[y : y + rgb.shape[0], x : x + rgb.shape[1]]
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)
