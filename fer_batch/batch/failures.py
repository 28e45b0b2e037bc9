"""What fails with one recording and ends no run: the record that is left of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fer_batch.batch.plan import Task
from fer_batch.config import Selection, Settings
from fer_batch.errors import FerBatchError, InputError, summarized
from fer_batch.inference.registry import find_model, sha256_of
from fer_batch.pipeline.result import Outcome, read_record
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord


def given_up(task: Task, reason: str, settings: Settings, selection: Selection) -> Outcome:
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
        error=reason,
        settings={**settings.to_dict(), "selection": selection.to_dict()},
        model={"name": settings.model, "sha256": sha256_of(find_model(settings.model))},
    )
    layout.tidy(record.id, task.recording.annotated or layout.annotated(record.id, photo=task.recording.is_photo))
    former = read_record(layout, task.recording)
    if former is None or former.status != "done":
        record.write(layout.record(record.id))
    return Outcome(record)


def guarded(analyze: Callable[[], Outcome], task: Task, settings: Settings, selection: Selection) -> Outcome:
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
        reason = f"{task.recording.path}: could not be analysed ({summarized(error)}); --debug shows where."
        outcome = given_up(task, str(error) if isinstance(error, InputError) else reason, settings, selection)
        outcome.cause = error
        return outcome
