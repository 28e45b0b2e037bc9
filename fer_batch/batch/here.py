"""A plan carried out in this process, one recording after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

from fer_batch.batch.failures import guarded
from fer_batch.batch.plan import Plan
from fer_batch.config import Settings
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.pipeline.result import Outcome, Progress
from fer_batch.selection import Selection


def run(
    plan: Plan,
    settings: Settings,
    selection: Selection,
    on_start: Callable[[Recording], None] = lambda recording: None,  # noqa: ARG005
    on_progress: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
) -> Iterator[Outcome]:
    """Analyses the planned recordings; each outcome is given as soon as its files are whole.

    Args:
        plan: what to do.
        settings: models and parameters.
        selection: which frames.
        on_start: called before each recording.
        on_progress: called with every analysed frame.
        stop: once set, the run ends with the recording in progress; see
            :func:`fer_batch.pipeline.recording.analyze_recording`.

    Raises:
        ModelError: when a model cannot be used.
        OutputError: when nothing can be written any more; outcomes given before are safe.
    """
    if not plan.tasks:
        return
    with Engine(settings) as engine:
        for task in plan.tasks:
            if stop is not None and stop.is_set():
                return
            on_start(task.recording)
            analyze = partial(
                analyze_recording,
                engine,
                task.recording,
                selection,
                task.outputs,
                on_progress,
                stop,
                fresh=task.fresh,
            )
            yield guarded(analyze, task, settings, selection)
