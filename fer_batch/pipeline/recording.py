"""One recording, end to end: from a file to its timeline, tracks, episodes, annotated video and record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from fer_batch.annotation.audio import omission_note
from fer_batch.annotation.video_writer import AnnotatedVideo
from fer_batch.config import Outputs, Selection
from fer_batch.errors import FerBatchError, InputError, OptionHint, failed_analysis, summarized
from fer_batch.filesystem.atomic import Rollback, leftovers
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.checkpoint.policy import COMMIT_S, CheckpointPolicy, about, identity_of, input_of, usable
from fer_batch.pipeline.checkpoint.store import CannotResume, CheckpointStore, Commit
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.result import Progress, RecordingResult, read_record
from fer_batch.pipeline.writers import RecordingWriters, annotated_copy, files_of, open_writers
from fer_batch.results.integrity import checksums
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.results.schema import Provenance
from fer_batch.tracking.clustering import Persons
from fer_batch.types import Note
from fer_batch.utils.concurrency import pulse
from fer_batch.utils.logs import get_logger
from fer_batch.video.open import open_source
from fer_batch.video.probe import frames_in_range
from fer_batch.video.source import Source

_LOG = get_logger(__name__)


def analyze_recording(
    engine: Engine,
    recording: Recording,
    selection: Selection,
    outputs: Outputs,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
    *,
    fresh: bool = False,
    on_alive: Callable[[], None] | None = None,
    commit_s: float = COMMIT_S,
    opening_bytes: int | None = None,
) -> RecordingResult:
    """Analyses a recording and writes its outputs; each file appears only when it is whole.

    What a former run wrote for this recording is replaced. A recording that cannot be read is no exception but an
    outcome with status "failed", as is one that fails for a reason that nobody foresaw; one that ends before its header
    says so is "partial".

    What takes long is committed on the way, see :class:`fer_batch.pipeline.checkpoint.store.CheckpointStore`: a run of
    the same analysis of the same file goes on from there, however the one before it ended, and its results are those of
    one run.

    Args:
        engine: the loaded models.
        recording: what to read.
        selection: which frames.
        outputs: what to write.
        on_progress: called with every analysed frame.
        stop: once set, what was analysed until then is written and recorded as "partial", for a later run to go on; the
            complete results of a former run stay in place of it.
        fresh: begins anew whatever was committed.
        on_alive: called about every second, from a thread of its own, as long as frames are read or files grow: also
            while no progress is told because frames are passed over or files are put together.
        commit_s: seconds between two commits.
        opening_bytes: see :class:`fer_batch.video.video_reader.VideoFile`.

    Raises:
        OutputError: when outputs cannot be written; nothing half-written stays, but what was committed does.
    """
    run = _Run(engine, recording, selection, outputs, on_progress, stop, on_alive, commit_s, opening_bytes)
    checkpoints = CheckpointStore(Layout(outputs.folder), recording.id)
    commit = None if fresh else usable(checkpoints, run.identity())
    if commit is not None:
        _LOG.info("%s: goes on after %d frames that were committed before", recording.path, commit.frame)
        with suppress(CannotResume):
            outcome = run.go(checkpoints, commit)
            # A damaged part shows only when all are put together; from the beginning there is none.
            damaged = outcome.cause is not None and not isinstance(outcome.cause, MemoryError)
            if not (damaged and outcome.record.status == "failed"):
                return outcome
        _LOG.warning("%s: what was committed cannot be used; the recording begins anew", recording.path)
    checkpoints.remove()
    return run.go(checkpoints, None)


def publish_committed(layout: Layout, recording: Recording, error: FerBatchError) -> RecordingResult | None:
    """Publishes what was last committed of a recording that this run does not go on with, as "partial".

    The commit stays for the next run, whose machine may have more memory or a better decoder. The recording is not
    opened: the annotated copy has no sound, and whose the tracks are stays unknown.

    Args:
        layout: of the output folder.
        recording: whose analysis ended for good.
        error: why, for the record.

    Returns:
        None when nothing was committed, or when the complete results of an earlier run are there, which stay.

    Raises:
        OutputError: when outputs cannot be written; the commit stays.
    """
    checkpoints, former = CheckpointStore(layout, recording.id), read_record(layout, recording)
    commit = checkpoints.last()
    if commit is None or (former is not None and former.status == "done"):
        checkpoints.remove()
        return None
    about = commit.sums["about"]
    record = RecordingRecord(**{**about["record"], "started_at": datetime.fromisoformat(about["record"]["started_at"])})
    outputs = Outputs(layout.out, about["outputs"]["timeline"], about["outputs"]["video"])
    path = _copy(layout, recording)
    annotated = AnnotatedVideo(path, None) if outputs.video else None
    provenance = Provenance(record.settings, record.model["name"], record.model["sha256"])
    outcome = RecordingResult(record, files=files_of(recording, layout, outputs, path))
    with Rollback() as rollback:
        with ExitStack() as stack:
            writers = open_writers(stack, recording, layout, outputs, provenance, annotated)
            writers.restore(checkpoints, commit)
            rollback.protect(layout.files(recording.id, path))
            writers.complete(stack, layout, recording.id, provenance)
        _take_over(outcome, writers, layout, recording, path, former)
        record.status, record.retry = "partial", True
        record.explain(error)
        record.counts = {**about["counts"], **_sums(writers)}
        if outputs.video and record.probe.get("audio_codec"):
            record.notes = [omission_note(recording.path, "it was made without opening the recording")._asdict()]
        record.finished_at = datetime.now(UTC)
        record.write(layout.record(recording.id))
    return outcome


@dataclass(frozen=True, slots=True)
class _EarlyEnd:
    """Why an analysis ends before the recording does."""

    reason: str
    """The beginning of a sentence."""
    cause: Exception | None = None
    """The error of a stage; None for an interruption."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What :func:`analyze_recording` was asked for."""

    engine: Engine
    recording: Recording
    selection: Selection
    outputs: Outputs
    on_progress: Callable[[Progress], None] | None
    stop: Event | None
    on_alive: Callable[[], None] | None
    commit_s: float
    opening_bytes: int | None

    def identity(self) -> dict[str, Any]:
        settings, sha256 = self.engine.settings, self.engine.classifier.sha256
        return identity_of(self.recording.path, settings, self.selection, self.outputs, sha256)

    def go(self, checkpoints: CheckpointStore, commit: Commit | None) -> RecordingResult:
        """Analyses from the start or from a commit.

        Raises:
            CannotResume: when the latter is not possible; nothing has changed.
        """
        engine, recording, selection, outputs = self.engine, self.recording, self.selection, self.outputs
        layout, began = Layout(outputs.folder), datetime.now(UTC)
        former = read_record(layout, recording)
        complete = former is not None and former.status == "done"
        record = RecordingRecord(
            id=recording.id,
            source=str(recording.path),
            status="failed",
            started_at=began,
            finished_at=began,
            input=input_of(recording.path),
            settings={**engine.settings.to_dict(), "selection": selection.to_dict()},
            model={
                "name": engine.classifier.name,
                "sha256": engine.classifier.sha256,
                "device": engine.classifier.device.value,
            },
        )
        path = _copy(layout, recording)
        outcome = RecordingResult(record)
        if checkpoints.aside is not None:
            text = f"{checkpoints.aside}: is not fer-batch's own and was moved here unread; look at it and remove it."
            record.notes.append(Note("moved_aside", text)._asdict())
        try:
            limits = engine.settings.max_pixels, self.opening_bytes
            with open_source(recording.path, *limits) as source, Rollback() as rollback:
                record.probe = source.probe.to_dict()
                provenance = Provenance(record.settings, engine.classifier.name, engine.classifier.sha256)
                rate = source.probe.frame_rate
                annotated = annotated_copy(path, recording, selection, rate, engine.threads) if outputs.video else None
                growing = [*files_of(recording, layout, outputs, path), layout.timeline(recording.id)]
                with (
                    pulse(self.on_alive, lambda: (source.counts.frames, [_sizes(leftovers(one)) for one in growing])),
                    ExitStack() as stack,
                ):
                    outcome.files = files_of(recording, layout, outputs, path)
                    writers = open_writers(stack, recording, layout, outputs, provenance, annotated)
                    writers.replaces, writers.timer = complete, engine.timer
                    writers.persons = Persons() if engine.settings.persons else None
                    end = self._work(source, writers, checkpoints, commit, record)
                    outcome.cause = None if end is None else end.cause
                    if end is not None and (complete or not writers.analysed):
                        left = (
                            "the results of the earlier run are kept" if complete else "nothing of it was analysed yet"
                        )
                        raise InputError(f"{end.reason}; {left}.")
                    if not writers.analysed:
                        raise empty_selection(recording.path, source)
                    rollback.protect(layout.files(recording.id, path))
                    writers.complete(stack, layout, recording.id, provenance)
                _take_over(outcome, writers, layout, recording, path, former)
                _close(record, source, writers, end)
                record.write(layout.record(recording.id))
        except (FerBatchError, BrokenPipeError) as error:
            if not isinstance(error, InputError):
                raise
            outcome.fail(error)
        except Exception as error:
            outcome.fail(failed_analysis(recording.path, error))
            outcome.cause = error
        # A file that cannot be read any more does not take the results with it that it once gave.
        if record.status == "failed" and not (former is not None and former.files):
            record.write(layout.record(recording.id))
        # Nobody goes on with what is finished, and nobody should with what may itself be the reason for a failure; a
        # want of memory has others. What was to replace complete results is only begun anew, by overwriting.
        unforeseen = outcome.cause is not None and not isinstance(outcome.cause, MemoryError)
        if complete or not record.retry or (unforeseen and commit is not None):
            checkpoints.remove()
        return outcome

    def _work(
        self,
        source: Source,
        writers: RecordingWriters,
        checkpoints: CheckpointStore,
        commit: Commit | None,
        record: RecordingRecord,
    ) -> _EarlyEnd | None:
        """Works through the recording; why not to its end, unless that is the file's own fault."""
        total, stop, on_progress = frames_in_range(source.probe, self.selection), self.stop, self.on_progress
        identity, resume = self.identity(), None
        if commit is not None:
            try:
                writers.restore(checkpoints, commit)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise CannotResume(f"What was committed of {self.recording.path} cannot be read.") from error
            resume = checkpoints.snapshot(commit)
            checkpoints.clean(commit.sizes)
        commits = CheckpointPolicy(
            lambda snapshot: writers.commit(checkpoints, snapshot, identity, about(record, self.outputs, source)),
            self.commit_s,
        )
        observations = self.engine.observe(
            source,
            self.selection,
            every_frame=writers.annotated is not None,
            persons=writers.persons,
            # A photograph is done before anything could be committed of it.
            snapshots=None if self.recording.is_photo or not identity["input"] else commits,
            resume=resume,
        )
        # Closed here, while the source is still open for the thread that reads it.
        with closing(observations):
            while True:
                try:
                    item = next(observations, None)
                except (FerBatchError, MemoryError):
                    raise
                except Exception as error:
                    if writers.first is None or commits.failing:
                        raise
                    return _EarlyEnd(f"{self.recording.path}: could not be analysed on ({summarized(error)})", error)
                if item is None:
                    return None
                # Only here is it certain that something is left out: this frame.
                if stop is not None and stop.is_set() and commits.caught_up():
                    return _EarlyEnd(f"{self.recording.id}: interrupted")
                frame, observation = item
                writers.write(frame, observation)
                if observation is not None and on_progress is not None:
                    assert writers.first is not None
                    frames, time_s = observation.frame - writers.first[0] + 1, observation.time_s - writers.first[1]
                    on_progress(Progress(frames, total, time_s, writers.rows))


def _take_over(
    outcome: RecordingResult,
    writers: RecordingWriters,
    layout: Layout,
    recording: Recording,
    annotated: Path,
    former: RecordingRecord | None,
) -> None:
    """Says in the outcome what was written, and removes what a former run wrote and this one has not replaced."""
    if writers.fault is not None:
        outcome.files.remove(annotated)
    outcome.files += [layout.tracks(recording.id).parent, layout.episodes(recording.id).parent]
    # What lies where the copy goes stays when no document says that it is this recording's.
    own = former is not None and layout.recorded_copy(former.files) == annotated
    # Only now: until it is over, the former results stay.
    layout.remove(recording.id, annotated=annotated, keep=[*outcome.files, *([] if own else [annotated])])
    outcome.tracks.extend(writers.tracks.table().to_pylist())
    outcome.episodes_part = layout.episodes(recording.id)
    outcome.record.files = [path.relative_to(layout.out).as_posix() for path in outcome.files]
    tables = (layout.timeline(recording.id), layout.tracks(recording.id), layout.episodes(recording.id))
    outcome.record.tables = checksums(layout, [table for table in tables if table.parent in outcome.files])
    written = (writers.rows, len(writers.tracks), writers.episodes.rows)
    for table, rows in zip(tables, written, strict=True):
        stored = outcome.record.tables.get(table.relative_to(layout.out).as_posix())
        if stored is not None and stored[2] != rows:
            raise RuntimeError(f"{table.relative_to(layout.out)} has {stored[2]} rows of {rows}")


def _copy(layout: Layout, recording: Recording) -> Path:
    """Where the recording's annotated copy goes."""
    return recording.annotated or layout.annotated(recording.id, photo=recording.is_photo)


def empty_selection(path: Path, source: Source) -> InputError:
    """Return the error about a recording of which no frame is analysed."""
    lasts = source.probe.duration_s
    length = "" if lasts is None else f"; it lasts {lasts:.1f} s"
    remedies = [OptionHint(name, advice="check {}") for name in ("start", "end", "every", "fps")]
    return InputError(f"{path}: none of its frames is chosen{length}.", remedies=remedies)


def _sums(writers: RecordingWriters) -> dict[str, int]:
    return {
        "frames_analysed": writers.analysed,
        "rows": writers.rows,
        "tracks": len(writers.tracks),
        "episodes": writers.episodes.rows,
    }


def _close(record: RecordingRecord, source: Source, writers: RecordingWriters, end: _EarlyEnd | None) -> None:
    counts = source.counts
    record.counts = {
        "frames_decoded": counts.frames,
        **_sums(writers),
        "damaged_packets": counts.damaged_packets,
        "damaged_frames": counts.damaged_frames,
        "repaired_times": counts.repaired_times,
    }
    record.notes += [note._asdict() for note in (*counts.notes, *writers.notes)]
    record.finished_at = datetime.now(UTC)
    record.status, record.retry = "done", end is not None or writers.fault is not None or counts.is_oversized
    if end is not None:
        record.status, record.error = "partial", f"{end.reason}; what was analysed until then is kept."
    elif counts.ended_early is not None:
        record.status = "partial"
        record.explain(counts.ended_early)
    elif writers.fault is not None:
        record.status = "partial"
        record.explain(writers.fault.within(f"{record.source}: has no annotated copy"))


def _sizes(files: list[Path]) -> list[tuple[Path, int, int]]:
    """Size and time of the last change of the files that are there."""
    opened = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        opened.append((path, stat.st_size, stat.st_mtime_ns))
    return opened
