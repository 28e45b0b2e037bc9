"""What this process may use of the machine: a container or a job manager may allow less than there is."""

from __future__ import annotations

import math
import os
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
    left = [psutil.virtual_memory().available]
    for group in _groups("memory"):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _number(group / limit), _number(group / used)
            if most is not None and now is not None:
                left.append(int(most - max(0, now - _counted(group / "memory.stat", cached))))
    return max(0, int(min(left)))


def _groups(controller: str) -> list[Path]:
    """The folders of the control groups that this process is in, version 2 and 1, up to the highest."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            root = _CGROUPS / controllers if controllers else _CGROUPS
            own = root / path.strip("/")
            # Seen from inside a container, the path may be the host's, and the folder its own.
            found += [own, *(parent for parent in own.parents if parent == root or root in parent.parents)]
    return found


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
