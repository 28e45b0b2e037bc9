"""Plan of a run: which recordings are analysed, how much work each is, and records of those that fail."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fer_batch.batch.annotated_paths import annotated_paths
from fer_batch.config import WITHOUT_EFFECT, Detector, Outputs, Selection, Settings
from fer_batch.errors import ANOTHER_FOLDER, FerBatchError, InputError, OptionHint, OutputError, failed_analysis
from fer_batch.filesystem.overwriting import file_key
from fer_batch.filesystem.paths import refuse_links
from fer_batch.inference.registry import find_model, sha256_of
from fer_batch.inputs.discovery import Recording, search_inputs
from fer_batch.options.table import OPTION_NAMES
from fer_batch.pipeline.checkpoint.store import CheckpointStore
from fer_batch.pipeline.result import RecordingResult, read_record
from fer_batch.results.integrity import damaged_table, has_live_parts
from fer_batch.results.layout import PART, Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.resources import available_cores, available_memory_bytes
from fer_batch.utils.text import valid
from fer_batch.version import RESULTS_VERSION
from fer_batch.video.probe import Probe, frames_analysed, frames_in_range

_FOLDERS = {"parquet": "timelines", "csv": "csv"}
"""Where each format of the timeline lies."""


@dataclass(frozen=True, slots=True)
class Task:
    """A recording that is to be analysed."""

    recording: Recording
    outputs: Outputs
    reason: str
    """Why it is done, in a few words."""
    fresh: bool = False
    """Whether what an unfinished run has left of it is passed over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, all checked before any work begins."""

    tasks: list[Task]
    """In the order given."""
    kept_records: list[RecordingRecord]
    """Left as they are: neither file nor settings have changed since."""
    outputs: Outputs
    changes: str | None = None
    """Sentences about results that other settings gave and that are replaced, and that another fer-batch gave and that
    are kept."""
    passed_over: int = 0
    """Files among the inputs that are no video or photo."""
    others: int = 0
    """Recordings whose results the folder holds, but that are not among the inputs."""

    @property
    def recordings(self) -> list[Recording]:
        """Those to be analysed."""
        return [task.recording for task in self.tasks]


def plan(
    inputs: Iterable[str | os.PathLike[str]],
    outputs: Outputs,
    settings: Settings,
    selection: Selection,
    overwrite: bool = False,
) -> Plan:
    """Finds the recordings, and those of them that are done already; makes sure that the output folder can be written.

    Done is what a run has analysed with these settings and the same model from a file of the same size and time of
    change, with all the outputs that are asked for. Everything else is done again; what there is of it stays until the
    new results are whole. A recording that is cut short or damaged is done as far as that goes.

    Args:
        inputs: see :func:`fer_batch.inputs.discovery.find_recordings`.
        outputs: what to write.
        settings: models and parameters.
        selection: which frames.
        overwrite: do everything again, from the beginning.

    Raises:
        InputError: when an input does not exist or holds no media, or when the results that the folder holds under its
            name are another file's.
        ModelError: when there is no such emotion model.
        OutputError: when the output folder cannot be made or written.
    """
    matches = search_inputs(inputs, leave_out=outputs.folder)
    layout = Layout(outputs.folder)
    tasks: list[Task] = []
    kept_records: dict[str, RecordingRecord] = {}
    otherwise: Counter[str] = Counter()
    requested = {**settings.to_dict(), "selection": selection.to_dict()}
    sha256 = sha256_of(find_model(settings.model))
    former_of = {one.id: read_record(layout, one) for one in matches.recordings}
    copies = annotated_paths(matches.recordings, layout, former_of)
    for recording in (replace(one, annotated=copies[one.id]) for one in matches.recordings):
        former = former_of[recording.id]
        if former is not None and former.live:
            raise _is_of_camera(recording, layout)
        record = None if overwrite else former
        if record is None:
            has_checkpoint = CheckpointStore(layout, recording.id).folder.is_dir()
            tasks.append(
                Task(
                    recording, outputs, "again" if overwrite else "begun before" if has_checkpoint else "new", overwrite
                )
            )
            continue
        if record.status != "failed":
            _check_same_file(recording, record, outputs.folder)
        differences = _differences(record, requested, sha256)
        if record.retry:
            reason = "interrupted before" if record.status == "partial" else "failed before"
        elif _has_changed(recording, record):
            reason = "file changed"
        elif differences:
            options = [OPTION_NAMES.get(name, name) for name in differences]
            reason = f"other settings ({', '.join(options)})"
            otherwise.update(options)
        elif damaged := damaged_table(layout, record):
            reason = f"{damaged} damaged"
        elif missing := _missing(layout, record, outputs):
            tasks.append(Task(recording, _with_existing(record, outputs), f"without {missing}"))
            continue
        else:
            kept_records[recording.id] = record
            continue
        tasks.append(Task(recording, outputs, reason))
    _check_writable(outputs.folder)
    _check_outputs(tasks, layout, matches.recordings)
    others = len(set(layout.recordings()) - {recording.id for recording in matches.recordings})
    changes = _settings_notice(otherwise, outputs.folder), _other_results(list(kept_records.values()), outputs.folder)
    sentences = " ".join(one for one in changes if one is not None) or None
    return Plan(tasks, list(kept_records.values()), outputs, sentences, matches.passed_over, others)


def delete_checkpoints(plan: Plan) -> None:
    """Removes what a run has left that was to replace results that are kept after all.

    Raises:
        OutputError: when it cannot be removed.
    """
    layout = Layout(plan.outputs.folder)
    for record in plan.kept_records:
        CheckpointStore(layout, record.id).remove()


def _is_of_camera(recording: Recording, layout: Layout) -> InputError:
    """What a camera saw cannot be analysed again, so it is not replaced even when asked for."""
    return InputError(f"{recording.path}: {layout.out} holds a live recording of this name.", remedies=[ANOTHER_FOLDER])


def _check_outputs(tasks: list[Task], layout: Layout, recordings: list[Recording]) -> None:
    """Makes sure that no result goes through a link, to where a recording is, or over what a camera saw."""
    inputs = {file_key(one.path) for one in recordings} - {None}
    for task in tasks:
        recording = task.recording
        assert recording.annotated is not None
        # Whatever the document says.
        if has_live_parts(layout, recording.id):
            raise _is_of_camera(recording, layout)
        files = layout.files(recording.id, recording.annotated)
        refuse_links(layout.out, [*files, CheckpointStore(layout, recording.id).folder])
        if taken := next((file for file in files if file_key(file) in inputs), None):
            raise InputError(
                f"{recording.path}: its results would replace the recording {taken}.", remedies=[ANOTHER_FOLDER]
            )


def _check_same_file(recording: Recording, record: RecordingRecord, folder: Path) -> None:
    """Two files of one name, from two folders, have one id. A file that has only been moved still has its size."""
    same = record.source == valid(str(recording.path)) or Path(record.source).resolve() == recording.path.resolve()
    if not same and _has_another_size(recording, record):
        raise InputError(
            f"{recording.path}: {folder} holds results of another file of this name ({record.source}).",
            remedies=[ANOTHER_FOLDER, OptionHint("overwrite", True, "replace them with {}")],
        )


def _has_another_size(recording: Recording, record: RecordingRecord) -> bool:
    """Whether a file is not what it was; one that cannot be looked at is told when it is opened."""
    try:
        size = recording.path.stat().st_size
    except OSError:
        return False
    return bool(record.probe.get("size_bytes", size) != size)


def _has_changed(recording: Recording, record: RecordingRecord) -> bool:
    """Whether a file has another size or time of change than when it was analysed."""
    try:
        status = recording.path.stat()
    except OSError:
        return True
    modified_ns = record.input.get("modified_ns", status.st_mtime_ns)
    return modified_ns != status.st_mtime_ns or _has_another_size(recording, record)


def _missing(layout: Layout, record: RecordingRecord, outputs: Outputs) -> str | None:
    """What is asked for and not there."""
    paths = {"parquet": layout.timeline(record.id), "csv": layout.csv(record.id)}
    for kind, path in paths.items():
        if outputs.timeline in {kind, "both"} and not path.exists():
            return kind
    for name in record.files:
        # The tables that come with every timeline.
        folder, _, partition = name.partition("/")
        if folder in ("tracks", "episodes") and partition and not (layout.out / name / PART).exists():
            return folder
    copy = layout.recorded_copy(record.files)
    return "annotated copy" if outputs.video and (copy is None or not copy.exists()) else None


def _with_existing(record: RecordingRecord, outputs: Outputs) -> Outputs:
    """What is asked for and what there is: adding to results takes nothing away."""
    had = {name.split("/")[0] for name in record.files}
    both = outputs.timeline == "both" or len({"timelines", "csv"} & had | {_FOLDERS[outputs.timeline]}) > 1
    return replace(outputs, timeline="both" if both else outputs.timeline, video=outputs.video or "annotated" in had)


def _differences(record: RecordingRecord, wanted: dict[str, Any], sha256: str) -> list[str]:
    """What a result was made with that this run would do otherwise; what a record does not say is passed over."""
    had = {"minimum_face": None, **record.settings}
    if had.get("detector") in list(Detector):
        had["detector"] = str(Detector(had["detector"]).canonical)
    names = [name for name in wanted if name in had and name not in WITHOUT_EFFECT and name != "selection"]
    differences = [name for name in names if had[name] != wanted[name]]
    selection = had.get("selection", {})
    differences += [
        name for name, value in wanted["selection"].items() if name in selection and selection[name] != value
    ]
    if record.model.get("sha256", sha256) != sha256:
        differences.append("model")
    return differences


def _settings_notice(differences: Counter[str], folder: Path) -> str | None:
    if not differences:
        return None
    return f"{folder}: holds results made with other settings ({', '.join(differences)}), which will be replaced."


def _other_results(records: list[RecordingRecord], folder: Path) -> str | None:
    count = sum(one.results_version != RESULTS_VERSION for one in records)
    if not count:
        return None
    return (
        f"{folder}: keeps results of {count} of its recordings from another version of fer-batch, which gives other "
        "values (results_version); overwrite them to analyse them again."
    )


def _check_writable(folder: Path) -> None:
    """Tries the folder, or the nearest above it that exists: a run that fails at once leaves no empty folder."""
    if valid(str(folder)) != str(folder):
        raise OutputError(f"{folder}: is no valid Unicode, as paths of Parquet must be.", remedies=[ANOTHER_FOLDER])
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"fer-batch")
    except OSError as error:
        problem = "is a file, not a folder" if existing.is_file() else f"cannot be written ({error.strerror})"
        raise OutputError(f"{existing}: {problem}.", remedies=[ANOTHER_FOLDER]) from error


_WORKER_BYTES = 700 << 20
"""Memory that a worker may need: 330 MB at 640x360, 450 MB at 1080p; a file of 4K takes 600 MB."""
_PIXELS_AS_LONG = 2e6
"""Pixels that take as long to decode and convert as finding faces in a small picture takes: 1080p goes half as fast as
small videos."""
_DECODING = 0.1
"""Work of a small frame that is only decoded, in units of one that is analysed too."""
_UNKNOWN_FRAMES = 1000
"""Assumed where a container does not say, as those of broken-off recordings: in the middle of things."""


def expected_work(probe: Probe, selection: Selection) -> float:
    """Work on a recording in units of an analysed frame of a small video."""
    if probe.kind == "photo":
        return 1.0
    decoded, analysed = frames_in_range(probe, selection), frames_analysed(probe, selection)
    larger = 1 + probe.width * probe.height / _PIXELS_AS_LONG
    if decoded is None or analysed is None:
        return _UNKNOWN_FRAMES * larger
    return (analysed + _DECODING * decoded) * larger


def default_workers(recordings: int) -> int:
    """As many processes as there are cores and as memory allows, but not more than recordings."""
    affordable = max(1, available_memory_bytes() // _WORKER_BYTES)
    return max(1, min(recordings, available_cores(), affordable))


def record_failure(task: Task, error: FerBatchError, settings: Settings, selection: Selection) -> RecordingResult:
    """Writes down that a recording failed, and removes what its worker left behind.

    The complete results of a former run stay, and their record with them.

    Raises:
        OutputError: when the record cannot be written.
    """
    now, layout = datetime.now(UTC), Layout(task.outputs.folder)
    record = RecordingRecord(
        id=task.recording.id,
        source=str(task.recording.path),
        status="failed",
        started_at=now,
        finished_at=now,
        settings={**settings.to_dict(), "selection": selection.to_dict()},
        model={"name": settings.model, "sha256": sha256_of(find_model(settings.model))},
    )
    record.explain(error)
    layout.tidy(record.id, task.recording.annotated or layout.annotated(record.id, photo=task.recording.is_photo))
    former = read_record(layout, task.recording)
    if former is None or former.status != "done":
        record.write(layout.record(record.id))
    return RecordingResult(record, error=error)


def guarded(
    analyze: Callable[[], RecordingResult], task: Task, settings: Settings, selection: Selection
) -> RecordingResult:
    """The outcome of one recording's analysis, whatever a library raises before or after the analysis itself.

    Raises:
        FerBatchError: what belongs to the run: an output or a model that cannot be used.
        MemoryError, BrokenPipeError: likewise.
    """
    try:
        return analyze()
    except (MemoryError, BrokenPipeError):
        raise
    except Exception as error:
        if isinstance(error, FerBatchError) and not isinstance(error, InputError):
            raise
        failure = error if isinstance(error, InputError) else failed_analysis(task.recording.path, error)
        outcome = record_failure(task, failure, settings, selection)
        outcome.cause = error
        return outcome
