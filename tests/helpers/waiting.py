"""Conditions that are waited for instead of a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_INTERVAL_S = 0.02


def wait_until(condition: Callable[[], T], timeout_s: float = 30.0, pause: Callable[[float], object] = time.sleep) -> T:
    """Return the condition's first true value.

    Args:
        condition: called again and again.
        timeout_s: after which the test fails.
        pause: waits for seconds; a browser's own, where its events must go on meanwhile.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s"
        pause(_INTERVAL_S)
    return value
