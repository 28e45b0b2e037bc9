"""What an analysis remembers between two frames, so that it can go on from there in another process."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fer_batch.pipeline.checkpoint.store import CannotResume
from fer_batch.version import __version__
from fer_batch.video.frame import Frame

_ALLOWED: Final = frozenset(
    {
        ("collections", "deque"),
        ("fer_batch.classification.mirror_averaging", "Reference"),
        ("fer_batch.tracking.fixed_lag", "_Last"),
        ("fer_batch.tracking.fixed_lag", "_Sighting"),
        ("fer_batch.tracking.fixed_lag", "_Waiting"),
        ("fer_batch.tracking.kalman_filter", "BoxKalmanFilter"),
        ("fer_batch.tracking.kalman_filter", "_Filter"),
        ("fer_batch.tracking.clustering", "_Group"),
        ("fer_batch.tracking.reidentification", "Reidentifier"),
        ("fer_batch.detection.search_schedule", "SearchSchedule"),
        ("fer_batch.tracking.smoothing", "_State"),
        ("fer_batch.tracking.track", "Identity"),
        ("fer_batch.tracking.track", "Track"),
        ("fer_batch.pipeline.checkpoint.state", "_array"),
        ("fer_batch.video.shot_features", "FrameFeatures"),
        ("fer_batch.video.source", "SeekPoint"),
        ("fer_batch.pipeline.checkpoint.resume", "FrameFingerprint"),
        ("fer_batch.video.shot_detector", "ShotState"),
    }
)
"""What may be made when a state is read: module and name. None of it does anything when it is made."""
_NUMBERS: Final = "biuf"
"""Kinds of arrays: truth values and numbers. Arrays of objects could hold anything."""
_DECIDING: Final = ("av", "mediapipe", "numpy", "onnxruntime", "opencv-python")
"""Libraries whose every version may give other digits."""
_DIGEST_BYTES: Final = 16
"""No two states of one recording share so many by chance, and a damaged one is found out."""


def pack(value: object) -> bytes:
    """The state as it is now, with all that it refers to."""
    file = BytesIO()
    _Writer(file, protocol=5).dump(value)
    return file.getvalue()


def unpack(data: bytes, frames: Mapping[int, Frame] | None = None) -> Any:
    """The state again.

    Args:
        data: from :func:`pack`, or from anywhere.
        frames: by index, those that the state refers to.

    Raises:
        CannotResume: when it is no state that can be read.
    """
    try:
        return _Reader(BytesIO(data), frames or {}).load()
    except Exception as error:  # a damaged or forged state may raise anything
        raise CannotResume(f"The state of the analysis cannot be read ({type(error).__name__}: {error}).") from error


def seal(value: object) -> bytes:
    """The state with a digest before it."""
    data = pack(value)
    return _digest(data) + data


def unseal(data: bytes) -> Any:
    """What was sealed, if it is whole.

    Raises:
        CannotResume: when it is not.
    """
    digest, rest = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if _digest(rest) != digest:
        raise CannotResume("The state of the analysis is damaged.")
    return unpack(rest)


@cache
def versions() -> dict[str, str]:
    """Everything but recording and settings that decides what an analysis gives, to the last digit."""
    code = blake2b(digest_size=_DIGEST_BYTES)
    for path in sorted(Path(str(files("fer_batch"))).rglob("*.py")):
        code.update(path.read_bytes())
    return {"fer-batch": __version__, "code": code.hexdigest(), **{name: _version(name) for name in _DECIDING}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # bundled into one program
        return ""


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


class _Writer(pickle.Pickler):
    def persistent_id(self, obj: object) -> int | None:
        return obj.index if isinstance(obj, Frame) else None

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, np.ndarray):
            # In its own order in memory, which may decide in which order it is summed up.
            order: Literal["C", "F"] = "F" if obj.flags.fnc else "C"
            return _array, (obj.dtype.str, obj.shape, order, obj.tobytes(order))
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: BytesIO, frames: Mapping[int, Frame]) -> None:
        super().__init__(file)
        self._frames = frames

    def persistent_load(self, pid: Any) -> Frame:
        return self._frames[pid]

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")
        return super().find_class(module_name, global_name)


def _array(kind: str, shape: tuple[int, ...], order: Literal["C", "F"], data: bytes) -> NDArray[Any]:
    dtype = np.dtype(kind)
    if dtype.kind not in _NUMBERS:
        raise pickle.UnpicklingError(f"it holds an array of kind {kind}")
    # A copy, which may be written to.
    return np.frombuffer(data, dtype).reshape(shape, order=order).copy(order)
