"""Everything that the observations of one recording are written to, and what of it is committed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from fer_batch.annotation.annotator import AnnotatedPhoto
from fer_batch.annotation.video_writer import AnnotatedVideo, EncoderOptions
from fer_batch.config import Outputs, Selection
from fer_batch.errors import AnnotationError, FerBatchError, summarized
from fer_batch.filesystem.atomic import out_of_sight, remove
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.checkpoint.store import CheckpointStore, Commit, Snapshot
from fer_batch.results.base_writer import TableWriter, TimelineTableWriter
from fer_batch.results.episode_writer import EpisodeWriter
from fer_batch.results.layout import Layout
from fer_batch.results.schema import Provenance
from fer_batch.results.timeline_writers import CsvWriter, TimelineWriter
from fer_batch.results.track_table import TrackSummary
from fer_batch.tracking.clustering import Persons
from fer_batch.types import Faces, Note, Observation
from fer_batch.utils.profiling import StageTimer, timed
from fer_batch.video.frame import Frame


@dataclass(slots=True)
class RecordingWriters:
    """Everything that an observation is written to."""

    timelines: dict[str, TimelineTableWriter]
    """By what their parts are called."""
    episodes: EpisodeWriter
    annotated: AnnotatedVideo | AnnotatedPhoto | None = None
    tracks: TrackSummary = field(default_factory=TrackSummary)
    persons: Persons | None = None
    """Told by the engine whose the tracks are; None where that is not wanted."""
    analysed: int = 0
    rows: int = 0
    first: tuple[int, float] | None = None
    """Index and time of the first analysed frame."""
    replaces: bool = False
    """Whether complete results of an earlier run are to be replaced: not by numbers without their annotated copy."""
    fault: FerBatchError | None = None
    """Why there is no annotated copy: otherwise the numbers are worth keeping without it."""
    commits: int = 0
    """Made of this recording so far."""
    timer: StageTimer | None = None
    """Gets the processor time of writing and of drawing."""
    _latest: Observation | None = None

    def write(self, frame: Frame | None, observation: Observation | None) -> None:
        """Writes a frame: for the annotated copy, and what was observed in it where it was analysed.

        Raises:
            OutputError: when something else than the annotated copy cannot be written.
        """
        if observation is not None:
            with timed(self.timer, "write"):
                self._note(observation)
        if self.annotated is not None and frame is not None:
            # A frame that was not analysed shows the faces of the last one that was.
            with timed(self.timer, "draw"), self._doing_without():
                self.annotated.write(frame, self._latest)

    def _note(self, observation: Observation) -> None:
        self.first = self.first or (observation.frame, observation.time_s)
        self.analysed += 1
        self.rows += len(observation)
        for timeline in self.timelines.values():
            timeline.write(observation)
        self.tracks.write(observation)
        self.episodes.write(observation)
        self._latest = observation

    @property
    def notes(self) -> list[Note]:
        """What the annotated copy lacks or has otherwise than the recording."""
        return [] if self.annotated is None else self.annotated.notes

    @contextmanager
    def _doing_without(self) -> Iterator[None]:
        """Goes on without the annotated copy when it cannot be made, for whatever reason."""
        copy = self.annotated
        try:
            yield
        except MemoryError:
            raise
        except Exception as error:
            assert copy is not None
            fault = (
                error
                if isinstance(error, FerBatchError)
                else AnnotationError(f"{copy.path}: the annotated copy cannot be made ({summarized(error)}).")
            )
            if self.replaces:
                raise fault from error
            with suppress(Exception):
                copy.abort()
            self.annotated, self.fault = None, fault

    def commit(
        self, checkpoints: CheckpointStore, snapshot: Snapshot, identity: dict[str, Any], about: dict[str, Any]
    ) -> None:
        """Makes all written so far what another run goes on from.

        Nothing is committed any more once the annotated copy has failed: the last commit still has all of it, for a run
        with more room on the disk.

        Raises:
            OutputError: when that cannot be written; the commit before stays valid.
        """
        for kind, writer in self._in_parts().items():
            _hand_over(writer, kind, checkpoints)
        if isinstance(self.annotated, AnnotatedVideo):
            with self._doing_without():
                _hand_over(self.annotated, _VIDEO, checkpoints)
        if self.fault is not None:
            return
        growing: dict[str, TableWriter | AnnotatedVideo] = {**self._in_parts()}
        if isinstance(self.annotated, AnnotatedVideo):
            growing[_VIDEO] = self.annotated
        sums = {
            "about": about,
            "analysed": self.analysed,
            "rows": self.rows,
            "first": self.first,
            "tracks": self.tracks.get_state(),
            "shown": None if self._latest is None or self.annotated is None else _drawn(self._latest),
            "writers": {kind: writer.get_state() for kind, writer in growing.items()},
        }
        parts = {kind: writer.parts for kind, writer in growing.items()}
        checkpoints.commit(self.commits + 1, snapshot, identity, parts, sums)
        self.commits += 1

    def restore(self, checkpoints: CheckpointStore, commit: Commit) -> None:
        """Goes on from a commit."""
        sums = commit.sums
        self.commits = commit.number
        self.analysed, self.rows = sums["analysed"], sums["rows"]
        self.first = None if sums["first"] is None else (sums["first"][0], sums["first"][1])
        self.tracks.set_state(sums["tracks"])
        self._latest = None if sums["shown"] is None else _observation(sums["shown"])
        for kind, writer in self._in_parts().items():
            writer.set_state(sums["writers"][kind])
            writer.parts = checkpoints.parts(commit, kind)
        if isinstance(self.annotated, AnnotatedVideo):
            self.annotated.set_state(sums["writers"][_VIDEO])
            self.annotated.parts = checkpoints.parts(commit, _VIDEO)

    def complete(self, stack: ExitStack, layout: Layout, recording: str, provenance: Provenance) -> None:
        """Writes out everything, so that nothing but names are left to be changed when ``stack`` ends.

        From the first of those changes on, the former record does not vouch for what lies in the folder.
        """
        for timeline in self.timelines.values():
            timeline.finish()
        self.episodes.finish()
        if self.persons is not None:
            self.tracks.join(self.persons.numbers())
        stack.enter_context(self.tracks.saved(layout.tracks(recording), provenance))
        with out_of_sight(layout.record(recording)):
            if self.annotated is not None:
                with self._doing_without():
                    self.annotated.close()

    def _in_parts(self) -> dict[str, TableWriter]:
        return {**self.timelines, "episodes": self.episodes}


_VIDEO = "video"


def open_writers(
    stack: ExitStack,
    recording: Recording,
    layout: Layout,
    outputs: Outputs,
    provenance: Provenance,
    annotated: AnnotatedVideo | AnnotatedPhoto | None,
) -> RecordingWriters:
    """Opens what is asked for, to be closed by ``stack``."""
    timelines: dict[str, TimelineTableWriter] = {}
    if outputs.timeline in {"parquet", "both"}:
        timelines["timeline"] = stack.enter_context(TimelineWriter(layout.timeline(recording.id), provenance))
    if outputs.timeline in {"csv", "both"}:
        timelines["csv"] = stack.enter_context(CsvWriter(layout.csv(recording.id), recording.id))
    episodes = stack.enter_context(EpisodeWriter(layout.episodes(recording.id), provenance))
    if annotated is not None:
        stack.enter_context(annotated)
    return RecordingWriters(timelines, episodes, annotated)


def annotated_copy(
    path: Path, recording: Recording, selection: Selection, frame_rate: float | None, threads: int
) -> AnnotatedVideo | AnnotatedPhoto:
    """The annotated copy of a recording, to be written to ``path``, for whose encoder there are so many cores."""
    if recording.is_photo:
        return AnnotatedPhoto(path)
    return AnnotatedVideo(
        path,
        recording.path,
        start_s=selection.start_s,
        end_s=selection.end_s,
        frame_rate=Fraction(frame_rate).limit_denominator(100_000) if frame_rate else None,
        # One a core, and more where they wait for each other: x264's own rule.
        encoding=EncoderOptions(threads=max(1, threads * 3 // 2)),
    )


def files_of(recording: Recording, layout: Layout, outputs: Outputs, annotated: Path) -> list[Path]:
    """Where the outputs asked for will be, the folder of the Parquet parts for the timeline."""
    files = []
    if outputs.timeline in {"parquet", "both"}:
        files.append(layout.timeline(recording.id).parent)
    if outputs.timeline in {"csv", "both"}:
        files.append(layout.csv(recording.id))
    return [*files, annotated] if outputs.video else files


def _hand_over(writer: TableWriter | AnnotatedVideo, kind: str, checkpoints: CheckpointStore) -> None:
    part = writer.part()
    if part is not None:
        try:
            writer.parts.append(checkpoints.adopt(part, kind, len(writer.parts) + 1))
        except BaseException:
            remove(part)
            raise


def _drawn(observation: Observation) -> dict[str, Any]:
    """What is drawn of an observation, as plain values and arrays."""
    faces = observation.detected
    columns = (faces.boxes, faces.keypoints, faces.scores, faces.tracks, faces.interpolated)
    return {
        "frame": observation.frame,
        "time_s": observation.time_s,
        "faces": columns,
        "probabilities": observation.probabilities,
    }


def _observation(document: dict[str, Any]) -> Observation:
    return Observation(document["frame"], document["time_s"], Faces(*document["faces"]), document["probabilities"])
