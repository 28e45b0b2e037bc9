"""Labelled faces for training and evaluation, out of the formats people have them in.

- a folder with one subfolder a class, named by the emotion
- FER2013's CSV: ``emotion,pixels,Usage``
- a Parquet table of encoded pictures (``image`` or ``jpeg``) with a label column (``emotion`` or ``label``) or with
  FER+'s votes (``votes_neutral``, ``votes_happiness``, ...)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.config import MAX_PIXELS
from fer_batch.detection.finder import FaceFinder
from fer_batch.emotions import EMOTIONS, emotion_index
from fer_batch.errors import InputError, OptionHint
from fer_batch.faces.alignment import CropGeometry, register
from fer_batch.options.table import OPTIONS
from fer_batch.types import Faces
from fer_batch.video.frame import Display, Frame
from fer_batch.video.image_codec import decode_picture, picture_size

_VOTES = {
    "votes_anger": "angry",
    "votes_disgust": "disgust",
    "votes_fear": "fear",
    "votes_happiness": "happy",
    "votes_sadness": "sad",
    "votes_surprise": "surprise",
    "votes_neutral": "neutral",
}
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".pgm"}
_LARGEST_CROP = 256
"""Side in pixels of the largest picture that is likely a registered face."""
_SPLITS = {"val": "valid", "validation": "valid"}
"""Other names of splits."""
_USAGE = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}


Picture = Path | bytes | NDArray[np.uint8]


@dataclass(slots=True)
class LabelledFaces:
    """Pictures with what people said of them.

    A face whose label is unknown or not one of the seven emotions has ``label`` -1; it is neither trained on nor
    counted.
    """

    name: str
    pictures: list[Picture]
    """Files, read when they are asked for; their encoded contents; or gray pictures (H, W)."""
    label: NDArray[np.int64]
    """(N,) index into ``EMOTIONS``; with votes, the emotion with more than half of all ten votes."""
    votes: NDArray[np.float32]
    """(N, 7) share of each emotion among the seven's votes; one-hot without votes; zeros where nothing is known."""
    auxiliary: NDArray[np.int64]
    """(N,) FER2013's own label where the table has it beside the votes, else -1."""
    split: NDArray[np.object_]
    """(N,) "train", "valid", "test" or ""."""
    names: list[str]
    unlabelled: NDArray[np.object_]
    """(N,) why a face has no label; "" for one that has."""
    is_fer2013: bool = False
    """Whether ``label`` is FER2013's own, as in its CSV."""
    max_pixels: int = MAX_PIXELS
    """Larger pictures are not read."""

    @property
    def problems(self) -> Counter[str]:
        """What is left out and how often."""
        return Counter(str(reason) for reason in self.unlabelled if reason)

    def __len__(self) -> int:
        return len(self.pictures)

    def of_split(self, split: str) -> LabelledFaces:
        """The faces of one split."""
        keep = np.flatnonzero(self.split == split)
        return replace(
            self,
            pictures=[self.pictures[i] for i in keep],
            label=self.label[keep],
            votes=self.votes[keep],
            auxiliary=self.auxiliary[keep],
            split=self.split[keep],
            names=[self.names[i] for i in keep],
            unlabelled=self.unlabelled[keep],
        )

    def by_fer2013(self) -> LabelledFaces:
        """The same faces, labelled as FER2013 does it and not by people's votes.

        Raises:
            InputError: when the data set has no such labels.
        """
        if self.is_fer2013:
            return self
        if not (self.auxiliary >= 0).any():
            raise InputError(
                f"{self.name}: has no labels of FER2013's own (a column fer2013) beside votes.",
                remedies=[OptionHint("labels", "main")],
            )
        unlabelled = np.where(self.auxiliary >= 0, "", "no label of FER2013's own").astype(object)
        return replace(self, label=self.auxiliary, votes=_one_hot(self.auxiliary), unlabelled=unlabelled)

    def gray(self, index: int) -> NDArray[np.uint8] | None:
        """The picture as (H, W) gray levels, or None when it cannot be read."""
        picture = self.pictures[index]
        return picture if isinstance(picture, np.ndarray) else self._decoded(picture, gray=True)

    def rgb(self, index: int) -> NDArray[np.uint8] | None:
        """The picture as (H, W, 3) RGB, or None when it cannot be read."""
        stored = self.pictures[index]
        if isinstance(stored, np.ndarray):
            return np.repeat(stored[:, :, None], 3, axis=2)
        picture = self._decoded(stored)
        return None if picture is None else np.ascontiguousarray(picture[:, :, ::-1])

    def problem(self, index: int) -> str:
        """Why a picture cannot be read, to be counted by."""
        stored = self.pictures[index]
        data = _encoded_file(stored) if isinstance(stored, bytes | Path) else None
        size = None if data is None else picture_size(data, self.max_pixels)
        if size is not None and size[0] * size[1] > self.max_pixels:
            return f"picture larger than the limit {self.names[index]}"
        return f"unreadable picture {self.names[index]}"

    def _decoded(self, stored: Path | bytes, *, gray: bool = False) -> NDArray[np.uint8] | None:
        data = _encoded_file(stored)
        return None if data is None else decode_picture(data, gray=gray, max_pixels=self.max_pixels)

    def look_like_photos(self) -> bool:
        """Whether most of the first pictures are oblong or large: registered faces are small squares."""
        shapes = [gray.shape for index in range(min(20, len(self))) if (gray := self.gray(index)) is not None]
        photos = sum(shape[0] != shape[1] or shape[0] > _LARGEST_CROP for shape in shapes)
        return bool(photos * 2 > len(shapes))

    def crop(self, index: int, size: int, *, colour: bool = False) -> NDArray[np.uint8] | None:
        """The picture taken as an already registered face, or None when it cannot be read.

        Returns:
            (size, size) gray, or with ``colour`` (size, size, 3) RGB.
        """
        picture = self.rgb(index) if colour else self.gray(index)
        if picture is not None and picture.shape[:2] != (size, size):
            method = cv2.INTER_AREA if min(picture.shape[:2]) > size else cv2.INTER_CUBIC
            picture = np.asarray(cv2.resize(picture, (size, size), interpolation=method), np.uint8)
        return picture


def _encoded_file(stored: Path | bytes) -> bytes | None:
    try:
        return stored if isinstance(stored, bytes) else stored.read_bytes()
    except OSError:
        return None


def read_faces(path: Path, max_pixels: int = MAX_PIXELS) -> LabelledFaces:
    """Reads a data set of any supported format.

    Args:
        path: the data set.
        max_pixels: larger pictures are left out.

    Raises:
        InputError: when the path is missing or of no known format.
    """
    OPTIONS["max_pixels"].check(max_pixels)
    return replace(_read(path), max_pixels=max_pixels)


def _read(path: Path) -> LabelledFaces:
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise InputError(f"{path}: no such data set; give a folder, a FER2013 CSV or a Parquet table.")
    table = {".csv": _read_fer2013, ".parquet": _read_parquet, ".pq": _read_parquet}.get(path.suffix.lower())
    if table is not None:
        try:
            return table(path)
        except (OSError, ValueError) as error:  # pandas' and Arrow's own are ValueErrors
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"{path}: cannot be read as a table ({reason}); the file is damaged.") from error
    raise InputError(f"{path}: not a data set; give a folder of class folders, a FER2013 .csv or a .parquet table.")


def _one_hot(label: NDArray[np.int64]) -> NDArray[np.float32]:
    votes = np.zeros((len(label), len(EMOTIONS)), np.float32)
    labelled = np.flatnonzero(label >= 0)
    votes[labelled, label[labelled]] = 1
    return votes


def _labelled(
    name: str,
    pictures: list[Picture],
    given: list[object],
    split: NDArray[np.object_],
    names: list[str],
) -> LabelledFaces:
    label = np.array([emotion_index(value) for value in given], np.int64)
    unlabelled = np.array(
        [f"label {value!r}" if index < 0 else "" for value, index in zip(given, label, strict=True)], object
    )
    unknown = np.full(len(label), -1, np.int64)
    return LabelledFaces(name, pictures, label, _one_hot(label), unknown, split, names, unlabelled)


def _read_folder(path: Path) -> LabelledFaces:
    """``path/<emotion>/*`` or ``path/<split>/<emotion>/*``."""
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _PICTURES and p.is_file())
    if not files:
        raise InputError(f"{path}: no pictures; expected one subfolder a class, such as happy/ and sad/.")
    if not any(emotion_index(f.parent.name) >= 0 for f in files):
        raise InputError(f"{path}: no subfolder is named after an emotion; expected {', '.join(EMOTIONS)}.")
    split = np.array([_SPLITS.get(f.parent.parent.name, f.parent.parent.name) for f in files], object)
    split[~np.isin(split, ["train", "valid", "test"])] = ""
    return _labelled(
        path.name,
        list(files),
        [f.parent.name for f in files],
        split,
        [str(f.relative_to(path)) for f in files],
    )


def _read_fer2013(path: Path) -> LabelledFaces:
    table = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns=str.strip)
    if not {"emotion", "pixels"} <= set(table.columns):
        raise InputError(f"{path}: not FER2013's CSV; expected the columns emotion, pixels and Usage.")
    pictures: list[Picture] = []
    for text in table["pixels"]:
        values = np.array(text.split(), np.int64) if text.replace(" ", "").isdigit() else np.empty(0, np.int64)
        side = round(len(values) ** 0.5)
        whole = len(values) > 0 and side * side == len(values) and values.max() < 256
        pictures.append(values.astype(np.uint8).reshape(side, side) if whole else b"")
    usage = table["Usage"] if "Usage" in table else pd.Series([""] * len(table))
    split = np.array([_USAGE.get(value, "") for value in usage], object)
    cells: list[object] = [
        EMOTIONS[int(value)] if value.isdigit() and int(value) < len(EMOTIONS) else value for value in table["emotion"]
    ]
    faces = _labelled(path.stem, pictures, cells, split, [f"row {i}" for i in range(len(table))])
    return replace(faces, is_fer2013=True)


def _read_parquet(path: Path) -> LabelledFaces:
    table = pd.read_parquet(path)
    column = next((name for name in ("image", "jpeg", "png", "picture") if name in table), None)
    if column is None:
        raise InputError(f"{path}: no picture column; expected image or jpeg holding encoded pictures.")
    pictures: list[Picture] = [_encoded(value) for value in table[column]]
    if any(isinstance(value, str) for value in table[column]):
        raise InputError(f"{path}: its column {column} holds text; expected encoded pictures, the bytes of files.")
    names = [str(value) for value in table["name"]] if "name" in table else [f"row {i}" for i in range(len(table))]
    splits = table["split"].astype(str) if "split" in table else [""] * len(table)
    split = np.array([_SPLITS.get(value, value) for value in splits], object)
    if set(_VOTES) <= set(table.columns):
        return _with_votes(path.stem, pictures, table, split, names)
    labels = next((name for name in ("emotion", "label") if name in table), None)
    if labels is None:
        raise InputError(f"{path}: no label column; expected emotion, label or FER+'s votes_* columns.")
    return _labelled(path.stem, pictures, list(table[labels]), split, names)


def _encoded(value: object) -> bytes:
    """A cell's encoded picture, in the struct of Hugging Face's tables too; nothing where there is none."""
    if isinstance(value, dict):
        value = value.get("bytes")
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""


def _with_votes(
    name: str,
    pictures: list[Picture],
    table: pd.DataFrame,
    split: NDArray[np.object_],
    names: list[str],
) -> LabelledFaces:
    everything = table[[c for c in table.columns if c.startswith("votes_")]].to_numpy(np.float32)
    seven = np.stack(
        [table[next(c for c, e in _VOTES.items() if e == emotion)].to_numpy(np.float32) for emotion in EMOTIONS], 1
    )
    majority = seven.max(1) > 0.5 * everything.sum(1)
    label = np.where(majority, seven.argmax(1), -1)
    # A single vote among ten says more about the voter than about the face (Barsoum et al. 2016 drop it too).
    trusted = np.where(seven > 1, seven, 0)
    total = trusted.sum(1, keepdims=True)
    votes = np.divide(trusted, total, out=np.zeros_like(trusted), where=total > 0)
    auxiliary = (
        np.array([emotion_index(value) for value in table["fer2013"]], np.int64)
        if "fer2013" in table
        else np.full(len(table), -1, np.int64)
    )
    unlabelled = np.where(majority, "", "no emotion with more than half of the votes").astype(object)
    return LabelledFaces(name, pictures, label, votes, auxiliary, split, names, unlabelled)


_NOT_FOUND: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)


def ready_crops(
    data: LabelledFaces, indices: NDArray[np.intp], classifier: EmotionClassifier
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Each picture taken as an already registered face.

    Args:
        data: the pictures.
        indices: which of them, in the order in which they are given.
        classifier: the model that says size and colour.

    Yields:
        The picture's index and its crop, uint8, (S, S) gray or (S, S, 3) RGB; None when it cannot be read.
    """
    for index in indices:
        yield int(index), data.crop(int(index), classifier.geometry.size, colour=not classifier.gray)


def detected_crops(
    data: LabelledFaces, indices: NDArray[np.intp], geometry: CropGeometry, detector: str, *, colour: bool = False
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Each photo's face, the one nearest the middle, found and registered as in a recording.

    Args:
        data: the photos.
        indices: which of them, in the order in which they are given.
        geometry: the framing.
        detector: one of :class:`fer_batch.config.Detector`.
        colour: RGB instead of gray.

    Yields:
        The photo's index and its crop as of :func:`ready_crops`; one of length 0 when no face was found.
    """
    with FaceFinder(detector) as finder:
        for index in indices:
            picture = data.rgb(int(index))
            if picture is None:
                yield int(index), None
                continue
            height, width = picture.shape[:2]
            frame = Frame(0, 0.0, av.VideoFrame.from_ndarray(picture, format="rgb24"), Display(width, height))
            faces = finder.find_confirmed(frame)
            if not len(faces):
                yield int(index), _NOT_FOUND
                continue
            points = faces.keypoints[_middle(faces, width, height)]
            yield int(index), register(picture if colour else frame.luma(), points, geometry)


def _middle(faces: Faces, width: int, height: int) -> int:
    centres = faces.boxes[:, :2] + faces.boxes[:, 2:] / 2
    return int(np.linalg.norm(centres - (width / 2, height / 2), axis=1).argmin())
