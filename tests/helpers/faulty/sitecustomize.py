"""Loaded by Python at its start where this folder is on PYTHONPATH: makes one stage fail for one recording.

``FER_BATCH_FAULT`` names a function of a class or module; ``FER_BATCH_FAULT_AFTER`` says how many of its calls succeed
while the recording "bad" is analysed.
"""

import functools
import importlib
import os
import pkgutil
from typing import Any


class LibraryError(Exception):
    """What a library may raise that has nothing in common with what fer-batch expects."""


def install(target: str, after: int) -> None:
    pipeline: Any = importlib.import_module("fer_batch.pipeline.recording")
    holder: Any = pkgutil.resolve_name(target.rpartition(".")[0])
    name = target.rpartition(".")[2]
    original, analyze, left = getattr(holder, name), pipeline.analyze_recording, [-1]

    @functools.wraps(original)
    def failing(*arguments: Any, **named: Any) -> Any:
        if left[0] == 0:
            raise LibraryError("an error of its own")
        left[0] = max(-1, left[0] - 1)
        return original(*arguments, **named)

    @functools.wraps(analyze)
    def watched(engine: Any, recording: Any, *arguments: Any, **named: Any) -> Any:
        left[0] = after if "bad" in recording.id else -1
        try:
            # As often as can be, so that a recording of a second is committed.
            return analyze(engine, recording, *arguments, **{**named, "commit_s": 0.0})
        finally:
            left[0] = -1

    setattr(holder, name, failing)
    pipeline.analyze_recording = watched


if fault := os.environ.get("FER_BATCH_FAULT"):
    install(fault, int(os.environ["FER_BATCH_FAULT_AFTER"]))
