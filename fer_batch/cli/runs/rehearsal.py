"""``analyze --dry-run``: what would be done, and how long that would take."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fer_batch.batch.messages import Rehearsed
from fer_batch.batch.plan import Plan, Task
from fer_batch.batch.scheduling import expected_work
from fer_batch.cli.parsing import clock
from fer_batch.selection import Selection
from fer_batch.utils.formatting import counted, lasting
from fer_batch.utils.text import shown
from fer_batch.video.amount import frames_in_range, seconds_in_range
from fer_batch.video.probe import Probe


def rehearsed(plan: Plan, probes: dict[str, Probe], selection: Selection) -> list[Task]:
    """The recordings by which the speed is measured: of each size of picture the longest video, three sizes at
    most; a photo where there are no videos.
    """
    longest: dict[tuple[int, int], tuple[float, Task]] = {}
    for task in plan.tasks:
        probe = probes.get(task.recording.id)
        if probe is not None and probe.kind == "video":
            work, size = expected_work(probe, selection), (probe.width, probe.height)
            if size not in longest or work > longest[size][0]:
                longest[size] = work, task
    chosen = [task for _, task in sorted(longest.values(), key=lambda one: -one[0])[:3]]
    return chosen or [task for task in plan.tasks if task.recording.id in probes][:1]


def estimated_s(
    plan: Plan, probes: dict[str, Probe], measured: dict[str, Rehearsed], selection: Selection, workers: int
) -> float | None:
    """Seconds that the run would take; None when nothing was measured.

    Args:
        plan: what would be done.
        probes: of its recordings, by id.
        measured: how fast some of them went, by id, while all workers were busy.
        selection: which frames.
        workers: at a time.
    """
    if not measured:
        return None
    once_s = sum(one.once_s for one in measured.values()) / len(measured)
    work = {name: expected_work(probe, selection) for name, probe in probes.items()}
    frames = {name: frames_in_range(probes[name], selection) or 0 for name in measured}
    rates = {name: one.frames_per_second for name, one in measured.items()}
    each_s = sum(frames[name] / rates[name] for name in measured) / sum(work[name] for name in measured)
    # What was measured takes so long, the rest as much longer as it is more work.
    seconds = [once_s + each_s * work[task.recording.id] for task in plan.tasks if task.recording.id in work]
    return max(sum(seconds) / workers, *seconds)


def print_plan(
    plan: Plan, probes: dict[str, Probe], selection: Selection, workers: int, estimate_s: float | None
) -> None:
    """Prints a row a recording, what lies between them, and the estimate."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("recording", overflow="fold")
    table.add_column("lasts", justify="right")
    table.add_column("size", justify="right")
    table.add_column("would be done because")
    for task in plan.tasks:
        probe = probes.get(task.recording.id)
        if probe is None:
            table.add_row(Text(shown(task.recording.id)), "", "", "cannot be opened, would fail")
            continue
        lasts = "photo" if probe.kind == "photo" else clock(probe.duration_s) if probe.duration_s is not None else "?"
        table.add_row(Text(shown(task.recording.id)), lasts, f"{probe.width}x{probe.height}", task.reason)
    if plan.tasks:
        console.print(table)
    known = [seconds_in_range(probes[one.id], selection) for one in plan.recordings if one.id in probes]
    total_s = sum(seconds for seconds in known if seconds is not None)
    console.print(
        f"{counted(len(plan.tasks), 'recording')}, {clock(total_s)} of video to analyse; "
        f"{len(plan.kept)} done already, kept"
        + (f"; {counted(plan.passed_over, 'other file')} passed over" if plan.passed_over else "")
    )
    if estimate_s is not None:
        console.print(f"about {lasting(estimate_s)} with {counted(workers, 'worker')}, as measured just now")
