"""Resources of this machine: cores and memory that a process may use, memory limits, and the processor's name."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Cores that this process may run on, by its affinity and its control groups' share of processor time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [_quota(group) for group in _groups("cpu")]
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas if quota is not None)]))


def available_memory_bytes() -> int:
    """Memory that can be had without swapping, within the limits of the control groups."""
    available = [psutil.virtual_memory().available]
    for group in _groups("memory"):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _number(group / limit), _number(group / used)
            if most is not None and now is not None:
                available.append(int(most - max(0, now - _counted(group / "memory.stat", cached))))
    return max(0, int(min(available)))


def _groups(controller: str) -> list[Path]:
    """The folders of the control groups that this process is in, version 2 and 1, up to the highest."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            root = _CGROUPS / controllers if controllers else _CGROUPS
            own = root / path.strip("/")
            # Seen from inside a container, the path may be the host's, and the folder its own.
            groups += [own, *(parent for parent in own.parents if parent == root or root in parent.parents)]
    return groups


def _quota(group: Path) -> float | None:
    """Cores' worth of time that a control group allows."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        most, each = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        return most / each if most is not None and each and most > 0 else None
    return None if quota == "max" else int(quota) / int(period)


def _counted(file: Path, name: str) -> int:
    """Bytes of one kind in a group. Files read lately count as used but are given up first: without leaving them out,
    as Docker and the kubelet do, a study that has been read once would leave no memory for its second run.
    """
    try:
        lines = dict(line.split() for line in file.read_text().splitlines())
        return int(lines.get(name, 0))
    except (OSError, ValueError):
        return 0


def _number(file: Path) -> float | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def limited_memory(more_bytes: int) -> Iterator[None]:
    """Let the process take only so much memory in addition while the block runs; where Linux counts it.

    What wants more fails as if the machine had none. The limit is the whole process's, so it is for processes of our
    own in which nothing else happens at the time.

    Args:
        more_bytes: of private memory, beyond what is taken now.
    """
    used_bytes = _private_bytes()
    if used_bytes is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    needed_bytes = used_bytes + more_bytes
    if before[0] != resource.RLIM_INFINITY:
        needed_bytes = min(needed_bytes, before[0])
    resource.setrlimit(resource.RLIMIT_DATA, (needed_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _private_bytes() -> int | None:
    """What ``RLIMIT_DATA`` bounds; None where that is not known."""
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


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
    processor = Processor("", None)
    try:
        if sys.platform == "linux":
            processor = from_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
        elif sys.platform == "darwin":
            # It complains of what this machine does not have, and prints the rest.
            command = ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"]
            process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            processor = from_sysctl(process.stdout)
    except OSError:
        pass
    return Processor(processor.name or platform.processor() or platform.machine() or "unknown", processor.instructions)


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
    has_report = listed or any(name.startswith("hw.optional.") for name in lines)
    name = lines.get("machdep.cpu.brand_string", "").strip()
    return Processor(name, _named(" ".join([*listed, *switches])) if has_report else None)


def _named(flags: str) -> tuple[str, ...]:
    present = set(flags.lower().split())
    return tuple(name for name, words in (_X86 | _ARM).items() if not present.isdisjoint(words))


def threads_each(workers: int) -> int:
    """Cores for each of some workers."""
    return max(1, available_cores() // workers)
