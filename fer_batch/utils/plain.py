"""Settings and measurements as the values that JSON knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from fer_batch.utils.text import valid


def plain(value: Any) -> Any:
    """The same value in dicts, lists, strings, finite numbers, booleans and None.

    What a result was made with must never be the reason that the result cannot be written, so nothing is refused:
    times turn into ISO 8601, NaN and infinity into None, NumPy values into Python's, anything else (paths, fractions)
    into its text, and what is no Unicode in a text as in :func:`fer_batch.utils.text.valid`.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {valid(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int) else valid(str(value))
