"""The keyword arguments that the Python functions share."""

from __future__ import annotations

from typing import TypedDict

from fer_batch.config import Settings
from fer_batch.errors import InputError
from fer_batch.selection import Selection


class Options(TypedDict, total=False):
    """How a recording is analysed; every key may be left out."""

    model: str
    """A name of ``fer-batch models`` or the path of an .onnx file."""
    detector: str
    """"auto" (default) finds faces of any size by YuNet and has MediaPipe confirm them, "mediapipe" those within about
    two metres of the camera."""
    minimum_score: float
    """Detections with less confidence begin no track; 0.5."""
    minimum_face: float
    """Height in pixels of the smallest face that is wanted; by the picture's size unless given."""
    persons: bool
    """False: no face is told apart by a recognition network, and tracks of one person are not joined; True."""
    batch_size: int
    """Faces classified at once; changes speed, not results; 32."""
    device: str
    """What the emotion model runs on: "cpu", "cuda", or "auto" (default) for a graphics card where there is one."""
    max_pixels: int
    """Larger pictures are refused before memory is taken for them; 100 million."""
    every: int
    """Only every n-th frame."""
    fps: float
    """At most this many frames a second; not together with ``every``."""
    start_s: float
    """Seconds from the recording's start."""
    end_s: float
    """Seconds from the recording's start, exclusive."""


_OF_SELECTION = ("every", "fps", "start_s", "end_s")


def split_options(options: Options) -> tuple[Settings, Selection]:
    """The options as the two objects that the pipeline takes.

    Raises:
        InputError: for an unknown option or a value that makes no sense.
    """
    if unknown := [name for name in options if name not in Options.__annotations__]:
        raise InputError(f"No option is named {unknown[0]!r}; there are {', '.join(Options.__annotations__)}.")
    selection = {name: value for name, value in options.items() if name in _OF_SELECTION}
    settings = {name: value for name, value in options.items() if name not in _OF_SELECTION}
    return Settings(**settings), Selection(**selection)  # type: ignore[arg-type]
