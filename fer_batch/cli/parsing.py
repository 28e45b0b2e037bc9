"""Times as people write them."""

from __future__ import annotations

import re

import typer

_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d)|(\d+)):([0-5]?\d(?:\.\d+)?)")
"""Hours, minutes and seconds, or any number of minutes and seconds."""

_LONGEST = 40
"""Characters of a time."""


def seconds(text: str | float) -> float:
    """Seconds from a text such as ``90.5``, ``1:30`` or ``0:01:30.5``.

    Raises:
        typer.BadParameter: for anything else.
    """
    if isinstance(text, float | int):
        return float(text)
    if len(text) <= _LONGEST:
        if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
            return float(text)
        if match := _CLOCK.fullmatch(text):
            hours, minutes, many_minutes, rest = match.groups()
            return int(hours or 0) * 3600 + int(minutes or many_minutes) * 60 + float(rest)
    raise typer.BadParameter(f"{text[:_LONGEST]!r} is no time; give seconds such as 90.5, or h:mm:ss.")


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``15m``, ``8h`` or ``7d``.

    Raises:
        typer.BadParameter: when it is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", text, re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise typer.BadParameter(f"{text!r} is no length of time; give seconds, or a number with s, m, h or d.")
    return float(match[1]) * _UNITS[match[2].lower() or "s"]
