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


def clock(time_s: float) -> str:
    """Seconds as m:ss.s, or from an hour on as h:mm:ss."""
    tenths = round(time_s * 10)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{int(rest):02}" if hours else f"{minutes}:{rest:04.1f}"
