"""MediaPipe's library called by the thread that asks.

Its Python side (seen in 0.10.33) hands every call to a thread of its own and waits for that, twice a detection: 0.3 of
3 milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class _Done:
    """What was done already, where a future is expected."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class _Here:
    """An executor that has no thread."""

    def submit(self, call: Callable[..., Any], *args: Any, **named: Any) -> _Done:
        return _Done(call(*args, **named))


def call_directly(task: Any) -> None:
    """Has a MediaPipe task call its library in the thread that calls the task.

    MediaPipe's own thread sees to it that no two calls come at the same time; from now on the caller does. A task of a
    version that is made differently stays as it is.
    """
    signatures = getattr(sys.modules[type(task).__module__], "_CTYPES_SIGNATURES", ())
    library = getattr(task, "_lib", None)
    raw = getattr(library, "_lib", None)
    if raw is None:
        return
    for signature in signatures:
        setattr(library, signature.func_name, signature.create_python_wrapper(raw, _Here()))
