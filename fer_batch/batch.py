"""Many recordings, one after another, into one output folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from fer_batch.engine import Engine
from fer_batch.errors import InputError, OutputError
from fer_batch.inputs import Recording, find_recordings
from fer_batch.pipeline import Outcome, Outputs, Progress, analyze_recording, has_results
from fer_batch.settings import Settings
from fer_batch.timeline.layout import Layout
from fer_batch.video.selection import Selection

_LONGEST_NAME = 255
"""Bytes that file systems allow for a name."""
DEFAULT_OUTPUT = Path("fer-output")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, all checked before any work begins."""

    recordings: list[Recording]
    """To analyse, in this order."""
    kept: list[Recording]
    """Left as they are, because the output folder holds their results."""
    outputs: Outputs


def plan(inputs: Iterable[str | Path], outputs: Outputs, overwrite: bool = False) -> Plan:
    """Finds the recordings, and those of them that are done already; makes sure that the output folder can be written.

    Raises:
        InputError: when an input does not exist or holds no media.
        OutputError: when the output folder cannot be made or written.
    """
    recordings = find_recordings(inputs, leave_out=outputs.folder)
    layout = Layout(outputs.folder)
    kept = [] if overwrite else [recording for recording in recordings if has_results(layout, recording)]
    todo = [recording for recording in recordings if recording not in kept]
    _check_writable(outputs.folder)
    _check_names(layout, todo)
    _check_distinct(layout, todo, outputs)
    return Plan(todo, kept, outputs)


def require_work(plan: Plan) -> None:
    """Refuses a plan that would do nothing.

    Raises:
        InputError: when everything is done already.
    """
    if not plan.recordings:
        what = plan.kept[0].id if len(plan.kept) == 1 else f"all {len(plan.kept)} recordings"
        raise InputError(
            f"{plan.outputs.folder}: holds the results of {what} already, which are kept; "
            "add --overwrite to replace them or choose another folder with -o."
        )


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
            :func:`fer_batch.pipeline.analyze_recording`.

    Raises:
        ModelError: when a model cannot be used.
        OutputError: when nothing can be written any more; outcomes given before are safe.
    """
    if not plan.recordings:
        return
    with Engine(settings) as engine:
        for recording in plan.recordings:
            if stop is not None and stop.is_set():
                return
            on_start(recording)
            yield analyze_recording(engine, recording, selection, plan.outputs, on_progress, stop)


def _check_writable(folder: Path) -> None:
    """Tries the folder, or the nearest above it that exists: a run that fails at once leaves no empty folder."""
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"fer-batch")
    except OSError as error:
        problem = "is a file, not a folder" if existing.is_file() else f"cannot be written ({error.strerror})"
        raise OutputError(f"{existing}: {problem}; choose another output folder with -o.") from error


def _check_names(layout: Layout, recordings: list[Recording]) -> None:
    """A partition's folder has a recording's whole path in its name, which may be more than a disk can hold."""
    for recording in recordings:
        paths = layout.timeline(recording.id), layout.csv(recording.id), layout.record(recording.id)
        if any(len(os.fsencode(part)) > _LONGEST_NAME for path in paths for part in path.parts):
            raise InputError(
                f"{recording.path}: its path below the folder given is too long for a name in the output folder; "
                "give a folder nearer to it or shorten its name."
            )


def _check_distinct(layout: Layout, recordings: list[Recording], outputs: Outputs) -> None:
    """Two videos that differ only in their suffix would share an annotated video."""
    if not outputs.video:
        return
    owners: dict[Path, Recording] = {}
    for recording in recordings:
        path = layout.annotated(recording.id, photo=recording.is_photo)
        other = owners.setdefault(path, recording)
        if other is not recording:
            raise InputError(
                f"{recording.id}: its annotated video would overwrite that of {other.id}; "
                "rename one of them or add --no-video."
            )
