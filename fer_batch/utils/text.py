"""Text for people: names of files whatever bytes they are made of, numbers, times and durations."""

from __future__ import annotations

import re
from collections.abc import Sequence

# How Python keeps what is no Unicode in a name: bytes 80 to FF on POSIX, halves of surrogate pairs on Windows.
_NO_UNICODE = re.compile("[\ud800-\udfff]")
# Control characters, breaks of lines, and what turns the direction of writing: they would act instead of being seen.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def valid(text: str) -> str:
    """The text with the bytes that are no Unicode as ``%E9``: what JSON, tables and every terminal can hold."""
    return _NO_UNICODE.sub(_percent, text)


def shown(text: str) -> str:
    r"""The text as one line for people: also with control characters as ``\n`` or ``\x1b``."""
    return _ACTING.sub(lambda match: match[0].encode("unicode_escape").decode(), valid(text))


def _percent(match: re.Match[str]) -> str:
    code = ord(match[0])
    raw = bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else match[0].encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


def counted(number: int, thing: str) -> str:
    """As in "1 face", "2 faces"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def joined(words: Sequence[str], conjunction: str) -> str:
    """As in "a", "a and b", "a, b and c"."""
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def short(name: str, width: int) -> str:
    """The end of a name that is too long."""
    return name if len(name) <= width else "…" + name[1 - width :]


def faults(counts: dict[str, int]) -> str:
    """What went wrong while a recording was read; empty if nothing did."""
    parts = [
        f"{counted(counts[name], thing)} {what}"
        for name, thing, what in (
            ("damaged_packets", "damaged packet", "skipped"),
            ("damaged_frames", "frame", "decoded with damage"),
            ("repaired_times", "frame", "without a usable time, which was estimated"),
        )
        if counts.get(name)
    ]
    return ", ".join(parts)


def duration_words(seconds: float) -> str:
    """As in "45 s", "12 min", "3 h 20 min", "4 d 7 h"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if minutes < 90:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def timecode(time_s: float) -> str:
    """Seconds as m:ss.s, or from an hour on as h:mm:ss."""
    tenths = round(time_s * 10)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{int(rest):02}" if hours else f"{minutes}:{rest:04.1f}"


def clock(seconds: float) -> str:
    """As in 1:15, from an hour on 1:01:15; below a minute 15.3 s."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )
