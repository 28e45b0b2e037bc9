"""Which processor this is, and which vector instructions it has that networks and decoders use."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_X86 = {
    "AVX": ("avx", "avx1.0"),
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "AVX-512 VNNI": ("avx512_vnni", "avx512vnni"),
    "AVX-VNNI": ("avx_vnni", "avxvnni"),
    "AMX": ("amx_tile",),
}
"""By name, what Linux and macOS call it."""

_ARM = {
    "NEON": ("asimd", "neon", "advsimd"),
    "NEON dot product": ("asimddp", "feat_dotprod"),
    "NEON I8MM": ("i8mm", "feat_i8mm"),
    "SVE": ("sve", "feat_sve"),
    "SVE2": ("sve2", "feat_sve2"),
    "SME": ("sme", "feat_sme"),
}


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor."""

    name: str
    instructions: tuple[str, ...] | None
    """Vector instructions, such as "AVX2" or "NEON"; None where the system does not list them."""


def this_processor() -> Processor:
    """The machine's processor, by ``/proc/cpuinfo`` on Linux and ``sysctl`` on macOS."""
    found = Processor("", None)
    try:
        if sys.platform == "linux":
            found = from_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
        elif sys.platform == "darwin":
            # It complains of what this machine does not have, and prints the rest.
            command = ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"]
            asked = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            found = from_sysctl(asked.stdout)
    except OSError:
        pass
    return Processor(found.name or platform.processor() or platform.machine() or "unknown", found.instructions)


def from_cpuinfo(text: str) -> Processor:
    """What Linux's ``/proc/cpuinfo`` says of its first processor; the name is empty where it gives none."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        lines.setdefault(name.strip().lower(), value.strip())
    # ARM kernels name the board at most.
    name = lines.get("model name") or lines.get("hardware") or lines.get("model", "")
    flags = lines.get("flags", lines.get("features"))
    return Processor("" if name.isdecimal() else name, None if flags is None else _named(flags))


def from_sysctl(text: str) -> Processor:
    """What macOS's ``sysctl machdep.cpu hw.optional`` says; the name is empty where it gives none."""
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    listed = [value for name, value in lines.items() if name.endswith("features")]
    switches = [name.rpartition(".")[2] for name, value in lines.items() if value.strip() == "1"]
    known = listed or any(name.startswith("hw.optional.") for name in lines)
    name = lines.get("machdep.cpu.brand_string", "").strip()
    return Processor(name, _named(" ".join([*listed, *switches])) if known else None)


def _named(flags: str) -> tuple[str, ...]:
    there = set(flags.lower().split())
    return tuple(name for name, words in (_X86 | _ARM).items() if not there.isdisjoint(words))
