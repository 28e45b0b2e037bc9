"""Many recordings, one after another, into one output folder."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from fer_batch.copies import annotated_paths
from fer_batch.emotion.classifier import find_model
from fer_batch.engine import Engine
from fer_batch.errors import InputError, OutputError
from fer_batch.inputs import Recording, find_recordings
from fer_batch.models import sha256_of
from fer_batch.names import valid
from fer_batch.pipeline import Outcome, Outputs, Progress, analyze_recording, read_record
from fer_batch.settings import Settings
from fer_batch.timeline.layout import Layout
from fer_batch.timeline.record import RecordingRecord
from fer_batch.video.selection import Selection

_WITHOUT_EFFECT = {"batch_size", "model"}
"""Settings that change no result, or that are compared by checksum."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, all checked before any work begins."""

    recordings: list[Recording]
    """To analyse, in this order."""
    kept: list[RecordingRecord]
    """Left as they are, because the output folder holds their results."""
    outputs: Outputs
    supplemented: dict[str, Outputs] = field(default_factory=dict)
    """For recordings, by id, that are done but not in the format asked for: that, and what they have."""
    differences: str | None = None
    """A sentence about kept results that this run would not have given."""


def plan(
    inputs: Iterable[str | os.PathLike[str]],
    outputs: Outputs,
    settings: Settings,
    selection: Selection,
    overwrite: bool = False,
) -> Plan:
    """Finds the recordings, and those of them that are done already; makes sure that the output folder can be written.

    Raises:
        InputError: when an input does not exist or holds no media, or when the results that the folder holds under its
            name are another file's.
        ModelError: when there is no such emotion model.
        OutputError: when the output folder cannot be made or written.
    """
    recordings = find_recordings(inputs, leave_out=outputs.folder)
    layout = Layout(outputs.folder)
    todo: list[Recording] = []
    kept: dict[str, RecordingRecord] = {}
    supplemented: dict[str, Outputs] = {}
    differences: Counter[str] = Counter()
    wanted = {**settings.to_dict(), "selection": selection.to_dict()}
    sha256 = sha256_of(find_model(settings.model))
    for recording in recordings:
        record = None if overwrite else read_record(layout, recording)
        if record is not None and record.status != "failed":
            _check_same_file(recording, record, outputs.folder)
        if record is None or record.status != "done":
            todo.append(recording)
        elif all(path.exists() for path in _timelines(layout, recording, outputs)):
            kept[recording.id] = record
            differences.update(_differences(recording, record, wanted, sha256))
        else:
            todo.append(recording)
            supplemented[recording.id] = _with_existing(layout, recording, record, outputs)
    _check_writable(outputs.folder)
    copies = annotated_paths(recordings, layout)
    todo = [replace(recording, annotated=copies[recording.id]) for recording in todo]
    return Plan(todo, list(kept.values()), outputs, supplemented, _told(differences, outputs.folder))


def require_work(plan: Plan) -> None:
    """Refuses a plan that would do nothing.

    Raises:
        InputError: when everything is done already.
    """
    if not plan.recordings:
        what = plan.kept[0].id if len(plan.kept) == 1 else f"all {len(plan.kept)} recordings"
        raise InputError(
            plan.differences
            or f"{plan.outputs.folder}: holds the results of {what} already, which are kept; "
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
            outputs = plan.supplemented.get(recording.id, plan.outputs)
            yield analyze_recording(engine, recording, selection, outputs, on_progress, stop)


def _check_same_file(recording: Recording, record: RecordingRecord, folder: Path) -> None:
    """Two files of one name, from two folders, have one id. A file that has only been moved still has its size."""
    same = record.source == valid(str(recording.path)) or Path(record.source).resolve() == recording.path.resolve()
    if not same and _has_another_size(recording, record):
        raise InputError(
            f"{recording.path}: {folder} holds results of another file of this name ({record.source}); "
            "choose another output folder with -o or add --overwrite."
        )


def _has_another_size(recording: Recording, record: RecordingRecord) -> bool:
    """Whether a file is not what it was; one that cannot be looked at is told when it is opened."""
    try:
        size = recording.path.stat().st_size
    except OSError:
        return False
    return bool(record.probe.get("size_bytes", size) != size)


def _timelines(layout: Layout, recording: Recording, outputs: Outputs) -> list[Path]:
    """Where the timelines asked for would be."""
    paths = {"parquet": layout.timeline(recording.id), "csv": layout.csv(recording.id)}
    return [path for kind, path in paths.items() if outputs.timeline in {kind, "both"}]


def _with_existing(layout: Layout, recording: Recording, record: RecordingRecord, outputs: Outputs) -> Outputs:
    """What is asked for and what there is, which was not to be overwritten and goes with the new results."""
    either = any(path.exists() for path in _timelines(layout, recording, replace(outputs, timeline="both")))
    copy = layout.recorded_copy(record.files)
    annotated = copy is not None and copy.exists()
    return replace(outputs, timeline="both" if either else outputs.timeline, video=outputs.video or annotated)


def _differences(recording: Recording, record: RecordingRecord, wanted: dict[str, Any], sha256: str) -> list[str]:
    """What a result was made with that this run would do otherwise; what a record does not say is passed over."""
    had = record.settings
    names = [name for name in wanted if name in had and name not in _WITHOUT_EFFECT and name != "selection"]
    found = [name for name in names if had[name] != wanted[name]]
    chosen = had.get("selection", {})
    found += [name for name, value in wanted["selection"].items() if name in chosen and chosen[name] != value]
    if record.model.get("sha256", sha256) != sha256:
        found.append("model")
    if _has_another_size(recording, record):
        found.append("file size")
    return found


def _told(differences: Counter[str], folder: Path) -> str | None:
    if not differences:
        return None
    return (
        f"{folder}: holds results made differently ({', '.join(differences)}), which are kept; "
        "add --overwrite to replace them or choose another folder with -o."
    )


def _check_writable(folder: Path) -> None:
    """Tries the folder, or the nearest above it that exists: a run that fails at once leaves no empty folder."""
    if valid(str(folder)) != str(folder):
        raise OutputError(f"{folder}: is no valid Unicode, as paths of Parquet must be; choose another folder with -o.")
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"fer-batch")
    except OSError as error:
        problem = "is a file, not a folder" if existing.is_file() else f"cannot be written ({error.strerror})"
        raise OutputError(f"{existing}: {problem}; choose another output folder with -o.") from error
