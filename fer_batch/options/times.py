"""Times and lengths of time as people write them."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d)|(\d+)):([0-5]?\d(?:\.\d+)?)")
"""Hours, minutes and seconds, or any number of minutes and seconds."""
_LONGEST = 40
"""Characters of a time."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_time(value: str | float) -> float:
    """Return the seconds of a number or a text such as ``90.5``, ``1:30`` or ``0:01:30.5``.

    Raises:
        ValueError: for any other text.
    """
    if not isinstance(value, str):
        return float(value)
    if len(value) <= _LONGEST:
        if re.fullmatch(r"\d+(\.\d*)?|\.\d+", value):
            return float(value)
        if match := _CLOCK.fullmatch(value):
            hours, minutes, many_minutes, rest = match.groups()
            return int(hours or 0) * 3600 + int(minutes or many_minutes) * 60 + float(rest)
    raise ValueError(f"{value[:_LONGEST]!r} is not a time; give seconds such as 90.5, m:ss or h:mm:ss")


def parse_duration(value: str | float) -> float:
    """Return the seconds of a number or a text such as ``90``, ``90s``, ``15m``, ``8h`` or ``7d``.

    Raises:
        ValueError: for anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", str(value), re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{value!r} is not a duration; give seconds, or a number with s, m, h or d")
    return float(match[1]) * _UNITS[match[2].lower() or "s"]
