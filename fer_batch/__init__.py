"""fer-batch: recordings of faces in, per-face emotion timelines out.

>>> import fer_batch
>>> df = fer_batch.analyze("video.mp4")  # one row a face and frame
>>> for observation in fer_batch.stream("video.mp4"): ...
>>> df = fer_batch.load("fer-output")  # every recording of an output folder
>>> recordings, tracks = fer_batch.summary("fer-output")  # one row a recording, one row a track
>>> episodes = fer_batch.episodes("fer-output")  # one row a stretch of a track in one emotion
>>> fer_batch.plot_timeline(df)  # a figure
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fer_batch.version import __version__

if TYPE_CHECKING:
    from fer_batch.analytics.resampling import resample
    from fer_batch.analytics.summary import Summary, summary
    from fer_batch.api import analyze, stream
    from fer_batch.config import Options, Settings
    from fer_batch.emotions import EMOTIONS
    from fer_batch.errors import (
        AnnotationError,
        CameraUnreachableError,
        FerBatchError,
        FerBatchWarning,
        InputError,
        InvalidOptionError,
        ModelError,
        OptionHint,
        OutputError,
        UnreadableMediaError,
    )
    from fer_batch.report.figures import plot_shares, plot_study, plot_timeline, plot_transitions
    from fer_batch.results.catalog import recordings
    from fer_batch.results.csv_reader import read_csv
    from fer_batch.results.reader import dataset, episodes, load, tracks
    from fer_batch.segmentation.hysteresis import EpisodeRules
    from fer_batch.types import Face, Faces, Observation

_HOMES = {
    "AnnotationError": "fer_batch.errors",
    "CameraUnreachableError": "fer_batch.errors",
    "EMOTIONS": "fer_batch.emotions",
    "EpisodeRules": "fer_batch.segmentation.hysteresis",
    "Face": "fer_batch.types",
    "Faces": "fer_batch.types",
    "FerBatchError": "fer_batch.errors",
    "FerBatchWarning": "fer_batch.errors",
    "InputError": "fer_batch.errors",
    "InvalidOptionError": "fer_batch.errors",
    "ModelError": "fer_batch.errors",
    "Observation": "fer_batch.types",
    "OptionHint": "fer_batch.errors",
    "Options": "fer_batch.config",
    "OutputError": "fer_batch.errors",
    "Settings": "fer_batch.config",
    "Summary": "fer_batch.analytics.summary",
    "analyze": "fer_batch.api",
    "dataset": "fer_batch.results.reader",
    "episodes": "fer_batch.results.reader",
    "load": "fer_batch.results.reader",
    "plot_shares": "fer_batch.report.figures",
    "plot_study": "fer_batch.report.figures",
    "plot_timeline": "fer_batch.report.figures",
    "plot_transitions": "fer_batch.report.figures",
    "read_csv": "fer_batch.results.csv_reader",
    "recordings": "fer_batch.results.catalog",
    "resample": "fer_batch.analytics.resampling",
    "stream": "fer_batch.api",
    "summary": "fer_batch.analytics.summary",
    "UnreadableMediaError": "fer_batch.errors",
    "tracks": "fer_batch.results.reader",
}
"""Where each public name lives. Looked up on first use, so that importing the package costs nothing."""

__all__ = [
    "EMOTIONS",
    "AnnotationError",
    "CameraUnreachableError",
    "EpisodeRules",
    "Face",
    "Faces",
    "FerBatchError",
    "FerBatchWarning",
    "InputError",
    "InvalidOptionError",
    "ModelError",
    "Observation",
    "OptionHint",
    "Options",
    "OutputError",
    "Settings",
    "Summary",
    "UnreadableMediaError",
    "__version__",
    "analyze",
    "dataset",
    "episodes",
    "load",
    "plot_shares",
    "plot_study",
    "plot_timeline",
    "plot_transitions",
    "read_csv",
    "recordings",
    "resample",
    "stream",
    "summary",
    "tracks",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("fer_batch.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'fer_batch' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
