"""Measures how faces are found in group pictures: ``PYTHONPATH=tests python -m benchmarks.tracking.groups --help``.

Heads of photographs stand side by side in front of grounds full of detail, small faces on a dark stage. Mostly gray
heads on coloured grounds: people whose faces are found here are found in colour too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, pairwise
from math import sqrt
from pathlib import Path

import av
import cv2
import numpy as np
from benchmarks.tracking.backgrounds import PLACES, TEXTURES, background
from benchmarks.tracking.cutouts import Cutout, draw, head
from benchmarks.tracking.photographs import Picture, people_of_table
from benchmarks.tracking.scoring import FOUND, matches, overlaps
from benchmarks.tracking.textures import DETAILED
from numpy.typing import NDArray

from fer_batch.config import Detector
from fer_batch.detection.finder import FaceFinder
from fer_batch.detection.yunet import YuNet
from fer_batch.types import Faces
from fer_batch.video.frame import Display, Frame

_SIZES = ((640, 360), (800, 600), (1280, 720), (1920, 1080))
_SMALLEST, _LARGEST = 24, 120
"""Heights of faces in pixels; the smallest ones in pictures up to 640 pixels wide."""
_STAGE = (24, 30)
"""Heights of faces on a stage."""
_STAGE_SHARE = 0.2
"""Of the pictures."""
_BANDS = (24, 30, 40, 60, 90, 121)
_LARGE = 30
"""Height from which on false faces are counted apart."""
_ABOUT = 0.3
"""Overlap with a true face from which on a box is not a false one, though it may be too far off to have found it."""
_PEOPLE = 150
"""Heads that the groups are drawn from."""
_ROOM = (1.25, 1.5)
"""Width and height in pixels around a face, in its heights, that no other face's room overlaps by much."""


@dataclass(frozen=True, slots=True)
class Group:
    """A picture and the faces in it."""

    kind: str
    rgb: Picture
    boxes: NDArray[np.float64]
    """(N, 4) x, y, width, height."""


@dataclass(slots=True)
class Tally:
    """What was found in pictures of one kind."""

    pictures: int = 0
    faces: Counter[int] = field(default_factory=Counter)
    """By the lower end of their band."""
    found: Counter[int] = field(default_factory=Counter)
    false_heights: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another one's pictures too."""
        self.pictures += other.pictures
        self.faces.update(other.faces)
        self.found.update(other.found)
        self.false_heights += other.false_heights

    def line(self) -> str:
        """One row of the table."""
        shares = [f"{self.found[low] / self.faces[low]:.1%}" if self.faces[low] else "-" for low in _BANDS[:-1]]
        found, large = sum(self.found.values()), sum(height >= _LARGE for height in self.false_heights)
        cells = [*shares, f"{found / max(1, sum(self.faces.values())):.1%}", len(self.false_heights), large]
        return " ".join(f"{cell:>7}" for cell in (self.pictures, sum(self.faces.values()), *cells))


def group_picture(people: Sequence[Cutout], rng: np.random.Generator) -> Group:
    """2 to 12 people in front of a ground, none hiding another's face."""
    size = _SIZES[rng.integers(len(_SIZES))]
    names = (*TEXTURES, *PLACES, *DETAILED)
    name = names[rng.integers(len(names))]
    rgb = DETAILED[name](size, rng) if name in DETAILED else background(name, size, rng)
    least = _SMALLEST * max(1.0, sqrt(size[0] / 640))
    # People of one group are about as far from the camera.
    middle = np.exp(rng.uniform(np.log(least), np.log(_LARGEST)))
    heights = np.clip(middle * np.exp(rng.normal(0, 0.2, rng.integers(2, 13))), least, _LARGEST)
    boxes = _drawn(rgb, people, heights, rng, (0.7, 1.25))
    return Group(f"group {size[0]}x{size[1]}", _photographed(rgb, rng), boxes)


def stage_picture(people: Sequence[Cutout], rng: np.random.Generator) -> Group:
    """One to five people far away on a dark stage, in the light of lamps."""
    size = (640, 360)
    rgb = np.asarray(np.clip(rng.normal(14, 5, (size[1], size[0], 3)), 0, 255), np.uint8)
    light = np.zeros((size[1], size[0]), np.float32)
    for _ in range(int(rng.integers(2, 6))):
        top, foot = int(rng.integers(0, size[0])), int(rng.integers(0, size[0]))
        cone = np.array([(top, -20), (foot - 70, size[1]), (foot + 70, size[1])])
        beam = np.zeros_like(light)
        cv2.fillConvexPoly(beam, cone, rng.uniform(0.1, 0.4))
        light += beam
    colour = rng.uniform(80, 255, 3)
    rgb = np.asarray(np.clip(rgb + cv2.GaussianBlur(light, (0, 0), 12)[..., None] * colour, 0, 255), np.uint8)
    for _ in range(int(rng.integers(0, 5))):
        lamp = int(rng.integers(0, size[0])), int(rng.integers(0, 60))
        cv2.circle(rgb, lamp, int(rng.integers(3, 9)), (255, 250, 235), -1, cv2.LINE_AA)
    boxes = _drawn(rgb, people, rng.uniform(*_STAGE, rng.integers(1, 6)), rng, (0.45, 1.1))
    return Group("stage 640x360", _photographed(rgb, rng), boxes)


def _drawn(
    rgb: Picture, people: Sequence[Cutout], heights: NDArray[np.float64], rng: np.random.Generator,
    light: tuple[float, float],
) -> NDArray[np.float64]:  # fmt: skip
    """Draw people in free places, heads after all bodies, and return the boxes (N, 4) of their faces."""
    tall, wide = rgb.shape[:2]
    rooms: list[tuple[float, ...]] = []
    for height in heights.tolist():
        room = np.array(_ROOM) * height
        for _ in range(60):
            corner = rng.uniform((0, 0), (wide, tall) - room).tolist()
            place = (*corner, *room.tolist())
            if not rooms or overlaps(np.array([place]), np.array(rooms)).max() < 0.02:
                rooms.append(place)
                break
    middles = [(left + width / 2, top + height / 2, height / _ROOM[1]) for left, top, width, height in rooms]
    for x, y, height in middles:
        clothes = np.clip(rng.uniform(10, 200, 3) * light[0], 0, 255).tolist()
        body = round(x), round(y + 1.75 * height)
        cv2.ellipse(rgb, body, (round(0.9 * height), round(1.2 * height)), 0, 0, 360, clothes, -1, cv2.LINE_AA)
    boxes = []
    for number, (x, y, height) in zip(rng.permutation(len(people)).tolist(), middles, strict=False):
        draw(rgb, _lit(people[number], rng.uniform(*light)), x, y, height)
        width = height * people[number].box[2] / people[number].box[3]
        boxes.append((x - width / 2, y - height / 2, width, height))
    return np.array(boxes, np.float64).reshape(-1, 4)


def _lit(cutout: Cutout, light: float) -> Cutout:
    factors = np.array([light, light, light, 1], np.float32)
    return Cutout(cutout.identity, tuple(level * factors for level in cutout.levels), cutout.box, cutout.fill)


def _photographed(rgb: Picture, rng: np.random.Generator) -> Picture:
    """With a sensor's noise and a camera's JPEG."""
    noisy = np.clip(rgb + rng.normal(0, rng.uniform(1, 5), rgb.shape), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))]
    encoded = cv2.imencode(".jpg", noisy[:, :, ::-1], quality)[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), np.uint8)


def judge(group: Group, faces: Faces) -> tuple[Tally, NDArray[np.bool_], NDArray[np.bool_]]:
    """The counts of one picture, which true faces (N,) were missed, and which reported ones (M,) are false."""
    table = overlaps(group.boxes, faces.boxes)
    missed, false = np.ones(len(group.boxes), bool), table.max(0, initial=0.0) < _ABOUT
    missed[[row for row, _ in matches(table, FOUND)]] = False
    bands = np.array(_BANDS)[np.searchsorted(_BANDS, group.boxes[:, 3] + 1e-6, side="right") - 1]
    tally = Tally(1, Counter(bands.tolist()), Counter(bands[~missed].tolist()), faces.boxes[false, 3].tolist())
    return tally, missed, false


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pictures, print the numbers."""
    options = _options(arguments)
    with closing(YuNet()) as cutter:
        heads = (head(photograph, cutter.detect) for photograph in people_of_table(options.faces, options.seed))
        people = list(islice((one for one in heads if one is not None), _PEOPLE))
    tallies: dict[str, Tally] = {}
    with closing(FaceFinder(options.detector)) as finder:
        for number in range(options.count):
            rng = np.random.default_rng([options.seed, number])
            group = (stage_picture if rng.random() < _STAGE_SHARE else group_picture)(people, rng)
            faces = finder.find_confirmed(frame_of(group.rgb))
            tally, missed, false = judge(group, faces)
            tallies.setdefault(group.kind, Tally()).add(tally)
            if options.keep is not None and (missed.any() or false.any()):
                _keep(options.keep / f"{number:04}.png", group, faces, missed, false)
    _print(tallies, len(people))
    return 0


def frame_of(rgb: Picture) -> Frame:
    """The picture as the frame of a photo."""
    """A picture as a frame of a photo."""
    height, width = rgb.shape[:2]
    return Frame(0, 0.0, av.VideoFrame.from_ndarray(rgb[:, :, ::-1].copy(), format="bgr24"), Display(width, height))


def _keep(path: Path, group: Group, faces: Faces, missed: NDArray[np.bool_], false: NDArray[np.bool_]) -> None:
    """Write the picture with missed faces in yellow, false ones in red and others in green."""
    picture = group.rgb.copy()
    marked = [(box, (255, 230, 0), "") for box in group.boxes[missed]]
    marked += [
        (box, (255, 0, 0) if wrong else (0, 255, 0), f"{score:.2f}")
        for box, score, wrong in zip(faces.boxes, faces.scores, false, strict=True)
    ]
    for box, colour, text in marked:
        x, y, width, height = np.rint(box).astype(int).tolist()
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, 1)
        cv2.putText(picture, text, (x, y - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[:, :, ::-1])


def _print(tallies: dict[str, Tally], people: int) -> None:
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    rows = [*sorted(tallies.items()), ("all", total)]
    width = max(len(name) for name, _ in rows)
    bands = [f"{low}-{high - 1}" for low, high in pairwise(_BANDS)]
    titles = ("images", "faces", *bands, "all", "false", f"{_LARGE}+ px")
    print(" " * width, " ".join(f"{title:>7}" for title in titles))
    for name, tally in rows:
        print(f"{name:<{width}}", tally.line())
    heights = sorted(round(height) for height in total.false_heights)
    print(f"Share of faces found by their height in pixels; false faces and those {_LARGE} pixels high or more.")
    print(f"Heights of false faces: {', '.join(map(str, heights)) or '-'}. Heads of {people} people.")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tracking.groups", description="Measures how faces are found in made group pictures."
    )
    parser.add_argument("--faces", type=Path, required=True, metavar="TABLE", help="with the columns jpeg and person")
    parser.add_argument("--count", type=int, default=200, help="pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detector", choices=sorted({kind.canonical for kind in Detector}), default=str(Detector.auto))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write pictures with misses and false faces there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
