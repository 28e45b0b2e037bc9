"""One recording, end to end: from a file to its timeline, tracks, episodes, annotated video and record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Protocol

from fer_batch.atomic import out_of_sight
from fer_batch.engine import Engine
from fer_batch.errors import FerBatchError, InputError, OutputError
from fer_batch.faces.persons import Persons
from fer_batch.inputs import Recording
from fer_batch.outcome import Outcome, Outputs, Progress, read_record
from fer_batch.timeline.csv_writer import CsvWriter
from fer_batch.timeline.episode_writer import EpisodeWriter
from fer_batch.timeline.layout import Layout
from fer_batch.timeline.parquet_writer import TimelineWriter
from fer_batch.timeline.record import RecordingRecord
from fer_batch.timeline.schema import Provenance
from fer_batch.timeline.sink import TimelineSink
from fer_batch.timeline.tracks import TrackSummary
from fer_batch.types import Observation
from fer_batch.video.amount import frames_in_range
from fer_batch.video.annotated import AnnotatedVideo
from fer_batch.video.frame import Frame
from fer_batch.video.opening import open_source
from fer_batch.video.photo import AnnotatedPhoto
from fer_batch.video.selection import Selection
from fer_batch.video.source import Source


class _Annotated(Protocol):
    def write(self, frame: Frame, observation: Observation | None) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Sinks:
    """Everything that an observation is written to."""

    timelines: list[TimelineSink]
    episodes: EpisodeWriter
    annotated: _Annotated | None
    tracks: TrackSummary = field(default_factory=TrackSummary)
    persons: Persons | None = None
    """Told by the engine whose the tracks are; None where that is not wanted."""
    analysed: int = 0
    rows: int = 0
    replaces: bool = False
    """Whether complete results of an earlier run are to be replaced: not by numbers without their annotated copy."""
    fault: str | None = None
    """Why there is no annotated copy: otherwise the numbers are worth keeping without it."""
    _shown: Observation | None = None

    def write(self, frame: Frame | None, observation: Observation | None) -> None:
        if observation is not None:
            self.analysed += 1
            self.rows += len(observation)
            for timeline in self.timelines:
                timeline.write(observation)
            self.tracks.write(observation)
            self.episodes.write(observation)
            self._shown = observation
        if self.annotated is not None and frame is not None:
            # A frame that was not analysed shows the faces of the last one that was.
            with self._doing_without():
                self.annotated.write(frame, self._shown)

    @contextmanager
    def _doing_without(self) -> Iterator[None]:
        """Goes on without the annotated copy when it cannot be written."""
        try:
            yield
        except OutputError as error:
            if self.replaces:
                raise
            self.annotated, self.fault = None, str(error)

    def complete(self, stack: ExitStack, layout: Layout, recording: str, provenance: Provenance) -> None:
        """Writes out everything, so that nothing but names are left to be changed when ``stack`` ends.

        From the first of those changes on, the former record does not vouch for what lies in the folder.
        """
        for timeline in self.timelines:
            timeline.finish()
        self.episodes.finish()
        if self.persons is not None:
            self.tracks.join(self.persons.numbers())
        stack.enter_context(self.tracks.saved(layout.tracks(recording), provenance))
        with out_of_sight(layout.record(recording)):
            if self.annotated is not None:
                with self._doing_without():
                    self.annotated.close()


def analyze_recording(
    engine: Engine,
    recording: Recording,
    selection: Selection,
    outputs: Outputs,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
    fresh: bool = False,
) -> Outcome:
    """Analyses a recording and writes its outputs; each file appears only when it is whole.

    What a former run wrote for this recording is replaced. A recording that cannot be read is no exception but an
    outcome with status "failed", as is one that fails for a reason that nobody foresaw; one that ends before its header
    says so is "partial".

    Args:
        engine: the loaded models.
        recording: what to read.
        selection: which frames.
        outputs: what to write.
        on_progress: called with every analysed frame.
        stop: once set, what was analysed until then is written and recorded as "partial"; the complete results of a
            former run stay in place of it.

    Raises:
        OutputError: when outputs cannot be written; nothing half-written stays.
    """
    layout, began = Layout(outputs.folder), datetime.now(UTC)
    former = read_record(layout, recording)
    complete = former is not None and former.status == "done"
    record = RecordingRecord(
        id=recording.id,
        source=str(recording.path),
        status="failed",
        started_at=began,
        finished_at=began,
        settings={**engine.settings.to_dict(), "selection": selection.to_dict()},
        model={"name": engine.classifier.name, "sha256": engine.classifier.sha256},
    )
    outcome = Outcome(record)
    try:
        with open_source(recording.path) as source:
            status = recording.path.stat()
            record.input = {"size_bytes": status.st_size, "modified_ns": status.st_mtime_ns}
            record.probe = source.probe.to_dict()
            provenance = Provenance(record.settings, engine.classifier.name, engine.classifier.sha256)
            with ExitStack() as stack:
                sinks = _open_sinks(stack, recording, layout, outputs, source, selection, provenance, outcome.files)
                sinks.replaces = complete
                sinks.persons = Persons() if engine.settings.persons else None
                broken_off = _run(engine, source, selection, sinks, on_progress, stop)
                if broken_off and (complete or not sinks.analysed):
                    left = "the results of the earlier run are kept" if complete else "nothing of it was analysed yet"
                    raise InputError(f"{recording.id}: interrupted; {left}.")
                if not sinks.analysed:
                    raise InputError(nothing_chosen(recording.path, source))
                sinks.complete(stack, layout, recording.id, provenance)
                if sinks.fault is not None:
                    outcome.files.remove(_copy(layout, recording))
            outcome.files += [layout.tracks(recording.id).parent, layout.episodes(recording.id).parent]
            # Only now, and only what this run has not replaced: until it is over, the former results stay.
            layout.remove(
                recording.id,
                annotated=_copy(layout, recording),
                keep=[*outcome.files, *_foreign(layout, recording, former)],
            )
            outcome.tracks.extend(sinks.tracks.table().to_pylist())
            outcome.episodes_part = layout.episodes(recording.id)
            record.files = [path.relative_to(outputs.folder).as_posix() for path in outcome.files]
            _close(record, source, sinks, broken_off)
    except (FerBatchError, BrokenPipeError) as error:
        if not isinstance(error, InputError):
            raise
        record.error = str(error)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        record.error = f"{recording.path}: could not be analysed ({what}); run it alone with --debug to see where."
        outcome.cause = error
    if record.status == "failed":
        outcome.files.clear()
    record.finished_at = datetime.now(UTC)
    # A file that cannot be read any more does not take the results with it that it once gave.
    if record.status != "failed" or not complete:
        record.write(layout.record(recording.id))
    return outcome


def _copy(layout: Layout, recording: Recording) -> Path:
    """Where the recording's annotated copy goes."""
    return recording.annotated or layout.annotated(recording.id, photo=recording.is_photo)


def _foreign(layout: Layout, recording: Recording, former: RecordingRecord | None) -> list[Path]:
    """What lies where the recording's annotated copy goes, when its document does not say that it is its own."""
    path = _copy(layout, recording)
    return [] if former is not None and layout.recorded_copy(former.files) == path else [path]


def _open_sinks(
    stack: ExitStack,
    recording: Recording,
    layout: Layout,
    outputs: Outputs,
    source: Source,
    selection: Selection,
    provenance: Provenance,
    files: list[Path],
) -> _Sinks:
    """Opens what is asked for, to be closed by ``stack``, and adds to ``files`` where it will be."""
    timelines: list[TimelineSink] = []
    if outputs.timeline in {"parquet", "both"}:
        timelines.append(stack.enter_context(TimelineWriter(layout.timeline(recording.id), provenance)))
        files.append(layout.timeline(recording.id).parent)
    if outputs.timeline in {"csv", "both"}:
        timelines.append(stack.enter_context(CsvWriter(layout.csv(recording.id), recording.id)))
        files.append(layout.csv(recording.id))
    episodes = stack.enter_context(EpisodeWriter(layout.episodes(recording.id), provenance))
    if not outputs.video:
        return _Sinks(timelines, episodes, None)
    path = _copy(layout, recording)
    files.append(path)
    if recording.is_photo:
        return _Sinks(timelines, episodes, stack.enter_context(AnnotatedPhoto(path)))
    rate = source.probe.frame_rate
    video = AnnotatedVideo(
        path,
        recording.path,
        start_s=selection.start_s,
        end_s=selection.end_s,
        frame_rate=Fraction(rate).limit_denominator(100_000) if rate else None,
    )
    return _Sinks(timelines, episodes, stack.enter_context(video))


def _run(
    engine: Engine,
    source: Source,
    selection: Selection,
    sinks: _Sinks,
    on_progress: Callable[[Progress], None] | None,
    stop: Event | None,
) -> bool:
    """Works through the recording; whether it was broken off."""
    total, faces, first = frames_in_range(source.probe, selection), 0, None
    observations = engine.observe(source, selection, every_frame=sinks.annotated is not None, persons=sinks.persons)
    # Closed here, while the source is still open for the thread that reads it.
    with closing(observations):
        for frame, observation in observations:
            # Only here is it certain that something is left out: this frame.
            if stop is not None and stop.is_set():
                return True
            sinks.write(frame, observation)
            if observation is not None:
                faces += len(observation)
                first = first or observation
                if on_progress is not None:
                    frames, time_s = observation.frame - first.frame + 1, observation.time_s - first.time_s
                    on_progress(Progress(frames, total, time_s, faces))
    return False


def nothing_chosen(path: Path, source: Source) -> str:
    """The sentence about a recording of which no frame is analysed."""
    lasts = source.probe.duration_s
    length = "" if lasts is None else f"it lasts {lasts:.1f} s, "
    return f"{path}: none of its frames is chosen; {length}check --start, --end, --every and --fps."


def _close(record: RecordingRecord, source: Source, sinks: _Sinks, broken_off: bool) -> None:
    counts = source.counts
    record.counts = {
        "frames_decoded": counts.frames,
        "frames_analysed": sinks.analysed,
        "rows": sinks.rows,
        "tracks": len(sinks.tracks),
        "episodes": sinks.episodes.rows,
        "damaged_packets": counts.damaged_packets,
        "damaged_frames": counts.damaged_frames,
        "repaired_times": counts.repaired_times,
    }
    record.status, record.retry = "done", broken_off or sinks.fault is not None
    if broken_off:
        record.status, record.error = "partial", f"{record.id}: interrupted; what was analysed until then is kept."
    elif counts.ended_early is not None:
        record.status, record.error = "partial", counts.ended_early
    elif sinks.fault is not None:
        record.status, record.error = "partial", sinks.fault
