"""What a running sum remembers as JSON and back, every number to its last bit."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import numpy as np


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
