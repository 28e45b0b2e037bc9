"""Photographs of people, to be cut out and moved about, and of places without anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from helpers.paths import ASTRONAUT, EXAMPLE
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""

LIBRARY_PICTURES = (
    "brick", "cell", "chelsea", "china", "clock_motion", "coffee", "coins", "flower", "grass", "gravel", "horse",
    "hubble_deep_field", "ihc", "moon", "motorcycle_left", "motorcycle_right", "page", "retina", "rocket", "text",
)  # fmt: skip
"""Names of pictures in scikit-image and scikit-learn without a human face (one shows a cat)."""
_LIBRARIES = {"skimage": "data", "sklearn": "datasets/images"}
_SMILING_S = 12.5
"""When the woman of the example clip looks into the camera with nothing before her face."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """One face and whose it is."""

    identity: str
    rgb: Picture


def example_people() -> list[Photograph]:
    """The two people whose pictures ship with the project."""
    return [Photograph("woman", example_frame(_SMILING_S)), Photograph("astronaut", _example_photo())]


def people_of_table(path: Path, seed: int = 0) -> Iterator[Photograph]:
    """One photograph of every person one after another, people and photographs drawn by the seed.

    Args:
        path: a Parquet table with the columns ``jpeg`` and ``person``.
        seed: another one gives other people first.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["jpeg", "person"])
    people = table.column("person").to_pylist()
    met: set[str] = set()
    for row in np.random.default_rng(seed).permutation(len(people)).tolist():
        # Names of one word stand for stills of films.
        if "_" in people[row] and people[row] not in met:
            met.add(people[row])
            yield Photograph(people[row], _decoded(table.column("jpeg")[row].as_py()))


def example_places() -> dict[str, Picture]:
    """What is beside the people in the pictures that ship: a wooden wall, a studio with a model of a rocket, a flag."""
    photo = _example_photo()
    return {
        "wood": example_frame(_SMILING_S)[:, :230],
        "studio": photo[:270, 325:],
        "flag": photo[:400, :110],
    }


@cache
def library_pictures() -> dict[str, Path]:
    """Pictures without a face that come with scikit-image and scikit-learn, by name; none where these are not
    installed.
    """
    found = {}
    for package, folder in _LIBRARIES.items():
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            paths = (Path(spec.origin).parent / folder).glob("*.*")
            found.update({path.stem: path for path in paths if path.stem in LIBRARY_PICTURES})
    return found


def library_picture(name: str) -> Picture:
    """One of ``library_pictures``."""
    with Image.open(library_pictures()[name]) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


def _example_photo() -> Picture:
    with Image.open(ASTRONAUT) as photo:
        return np.asarray(photo.convert("RGB"), np.uint8)


def example_frame(time_s: float) -> Picture:
    """What the example clip shows at a time in seconds."""
    with av.open(str(EXAMPLE)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(int(time_s / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= time_s:
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    raise AssertionError(f"{EXAMPLE} ends before {time_s} s")


def _decoded(jpeg: bytes) -> Picture:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(bgr[:, :, ::-1], np.uint8)
