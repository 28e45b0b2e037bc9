"""Numbers and names in sentences."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """As in "1 face", "2 faces"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def short(name: str, width: int) -> str:
    """The end of a name that is too long."""
    return name if len(name) <= width else "…" + name[1 - width :]


def faults(counts: dict[str, int]) -> str:
    """What went wrong while a recording was read; empty if nothing did."""
    said = [
        f"{counted(counts[name], thing)} {what}"
        for name, thing, what in (
            ("damaged_packets", "damaged packet", "skipped"),
            ("damaged_frames", "frame", "decoded with damage"),
            ("repaired_times", "frame", "without a usable time, which was estimated"),
        )
        if counts.get(name)
    ]
    return ", ".join(said)


def lasting(seconds: float) -> str:
    """As in "45 s", "12 min", "3 h 20 min", "4 d 7 h"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if minutes < 90:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
