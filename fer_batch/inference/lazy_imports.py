"""The libraries underneath, imported so that they report to nobody and leave nothing outside the output folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from fer_batch.errors import SYSTEM_LIBRARIES, FerBatchError


def import_onnxruntime() -> Any:
    """ONNX Runtime with its telemetry off.

    From 1.29 on its wheels report to Microsoft, some ten seconds after the start, and keep a device id and a queue
    under ``~/.cache``. The package asks for an older one; this is for those who install another all the same. The
    variable stops the reports when it is set before the library starts: a program that imported onnxruntime itself has
    decided already. The call is for Windows, whose older builds do not know the variable.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def import_mediapipe() -> Any:
    """MediaPipe without what it imports and an analysis never uses.

    sounddevice opens the machine's audio devices.
    """
    with _later("sounddevice"):
        import mediapipe.tasks.python.vision
    return mediapipe


@contextmanager
def mediapipe_loaded() -> Iterator[None]:
    """Turns a library that MediaPipe cannot load, at its import or at its first task, into a sentence.

    Raises:
        FerBatchError: when that happens.
    """
    try:
        yield
    except (ImportError, OSError) as error:
        # The linker sets no number; a file that cannot be read does.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FerBatchError(f"MediaPipe cannot be loaded ({error}): {SYSTEM_LIBRARIES}") from error


class _Later(ModuleType):
    """Stands in for a module that is imported once something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


@contextmanager
def _later(*names: str) -> Iterator[None]:
    """Modules imported inside the block are stand-ins, unless they are there already."""
    placed = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(placed)
    for name, module in placed.items():
        parent, _, child = name.rpartition(".")
        if parent in placed:
            setattr(placed[parent], child, module)
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
