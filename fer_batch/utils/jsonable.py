"""Values as JSON: settings and measurements as plain values, and running sums to their last bit."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from fer_batch.utils.text import valid


def to_text(value: Any) -> str:
    """JSON, with infinities as Python writes them, and arrays as the base64 of their bytes.

    Raises:
        TypeError: for what is neither JSON nor NumPy's.
    """
    return json.dumps(value, default=_array)


def from_text(text: str) -> Any:
    """The reverse of :func:`to_text`; tuples come back as lists, the keys of dicts as text.

    Raises:
        ValueError: when the text is not such a document.
    """
    return json.loads(text, object_hook=_from_array)


def _array(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise TypeError(f"{type(value).__name__} is not remembered")
    data = np.ascontiguousarray(value).tobytes()
    return {"dtype": value.dtype.str, "shape": value.shape, "base64": b64encode(data).decode("ascii")}


def _from_array(document: dict[str, Any]) -> Any:
    if document.keys() != {"dtype", "shape", "base64"}:
        return document
    # A copy: what is remembered is written to again.
    values = np.frombuffer(b64decode(document["base64"]), np.dtype(document["dtype"]))
    return values.reshape(document["shape"]).copy()


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
