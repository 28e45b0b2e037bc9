"""A small picture of each track's face, cut out of the recording where it is seen best."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fer_batch.errors import InputError
from fer_batch.video.image_codec import decode_picture
from fer_batch.video.video_reader import VideoFile

COLUMNS: Final = ("track", "time_s", "x", "y", "width", "height", "score", "interpolated", "yaw", "sharpness")
"""What is needed of a timeline."""

_SIDE: Final = 112
"""Pixels: twice what a page shows, for dense screens; some 4 kB as JPEG."""
_MARGIN: Final = 0.25
"""Of the box's longer side, added on each side: hair and chin."""
_QUALITY: Final = 82

Picture = NDArray[np.uint8]


def thumbnails(source: Path, timeline: pd.DataFrame, *, photo: bool) -> dict[int, str]:
    """A JPEG as a data address for each track; none where the recording is gone or cannot be read there.

    Args:
        source: the recording.
        timeline: its rows, with ``COLUMNS``.
        photo: whether it is a photo.
    """
    best = _best(timeline)
    images: dict[int, str] = {}
    try:
        with ExitStack() as stack:
            picture_at = _photo(source) if photo else _video(source, stack)
            for row in best.itertuples():
                picture = picture_at(row.time_s)
                if picture is not None and (face := _cut(picture, row.x, row.y, row.width, row.height)).size:
                    images[int(row.track)] = _data_address(face)
    except (InputError, OSError):
        return images
    return images


def _best(timeline: pd.DataFrame) -> pd.DataFrame:
    """The row of each track that shows the face largest, sharpest and from the front, in order of time."""
    towards = np.cos(np.radians(timeline["yaw"].fillna(45.0).to_numpy(np.float64)))
    sharp = timeline["sharpness"].fillna(0.3).to_numpy(np.float64)
    size = np.sqrt(timeline["height"].to_numpy(np.float64).clip(1))
    worth = timeline["score"].to_numpy(np.float64) * towards * sharp * size
    guessed = timeline["interpolated"].fillna(False).to_numpy(np.bool_)
    worth = pd.Series(np.where(guessed, 0, worth), timeline.index)
    return timeline.loc[worth.groupby(timeline["track"]).idxmax()].sort_values("time_s")


def _photo(source: Path) -> Callable[[float], Picture | None]:
    picture = decode_picture(source.read_bytes())
    return lambda _: picture


def _video(source: Path, stack: ExitStack) -> Callable[[float], Picture | None]:
    video = stack.enter_context(VideoFile(source))

    def picture_at(time_s: float) -> Picture | None:
        frame = video.glimpse(time_s)
        return None if frame is None else np.asarray(cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2BGR), np.uint8)

    return picture_at


def _cut(picture: Picture, x: float, y: float, width: float, height: float) -> Picture:
    """The square around a box, as far as the picture reaches; (H, W, 3) BGR."""
    half = max(width, height) * (0.5 + _MARGIN)
    left, right = (round(x + width / 2 + side) for side in (-half, half))
    top, bottom = (round(y + height / 2 + side) for side in (-half, half))
    return picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]


def _data_address(face: Picture) -> str:
    scale = _SIDE / max(face.shape[:2])
    size = (max(1, round(face.shape[1] * scale)), max(1, round(face.shape[0] * scale)))
    small = cv2.resize(face, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"


def columns(wanted: Iterable[str], *, with_thumbnails: bool) -> list[str]:
    """The columns to load of a timeline: those wanted, and those for thumbnails."""
    return list(dict.fromkeys([*wanted, *(COLUMNS if with_thumbnails else ())]))
