"""What a live source leaves on the disk: parts of timeline, tracks, episodes and video, and the document about them."""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from fer_batch.config import Outputs, Selection
from fer_batch.errors import ANOTHER_FOLDER, FerBatchError, InputError, OptionHint, OutputError
from fer_batch.filesystem.lock import only_run
from fer_batch.filesystem.paths import refuse_links
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, Interrupted, LiveEvent, ResumePoint
from fer_batch.live.options import PartOptions
from fer_batch.live.part_files import PartFiles
from fer_batch.live.recovery import last_position, recover_tables
from fer_batch.live.video_segments import VideoSegments
from fer_batch.results.base_writer import TimelineTableWriter
from fer_batch.results.episode_writer import write_episodes
from fer_batch.results.integrity import has_live_parts
from fer_batch.results.layout import Layout, partition
from fer_batch.results.record import RecordingRecord
from fer_batch.results.schema import Provenance
from fer_batch.results.timeline_writers import CsvWriter, TimelineWriter
from fer_batch.results.track_table import TrackSummary
from fer_batch.segmentation.episode_finder import EpisodeFinder
from fer_batch.segmentation.hysteresis import Episode, EpisodeRules
from fer_batch.utils.concurrency import Closeable

_ENDED_S: Final = 65.0
"""A track that was not seen for so long does not come back: the tracker remembers faces for a minute."""
_MOST_GAPS: Final = 1000
"""Gaps that the document holds, the last ones; it counts all."""
_OLD_S: Final = 60.0
"""Between two looks for parts that are too old, also while nobody is seen: looking takes milliseconds."""
_FOLDER: Final = ".live"
"""Of the locks, in the output folder; hidden from readers of data sets."""


class RecordedSource(NamedTuple):
    """What is recorded."""

    name: str
    """Id of the recording."""
    source: str
    """What the document calls the source, without secrets."""
    fps: float | None = None
    """At most so many frames a second are analysed."""


class LiveRecorder(Closeable):
    """Writes what a session tells, in parts of which each is whole on its own.

    A part appears when it is closed, so a process that is killed loses the open one. The next session of the same name
    goes on where this one ended: with higher part, frame and track numbers and later times.

    Args:
        outputs: folder and formats.
        recorded: what is recorded.
        provenance: for the files' metadata.
        counts: of the session.
        parts: how results are divided.

    Raises:
        InputError: when the folder holds results of a file under this name.
        OutputError: when another process writes this recording, or the folder cannot be written; from all methods too.
    """

    def __init__(
        self,
        outputs: Outputs,
        recorded: RecordedSource,
        provenance: Provenance,
        counts: Counts,
        parts: PartOptions | None = None,
    ) -> None:
        name, parts = recorded.name, parts or PartOptions()
        self._outputs, self._name, self._counts, self._provenance = outputs, name, counts, provenance
        self._part_s, self._part_rows, self._max_age_s = parts.part_s, parts.part_rows, parts.max_age_s
        self._layout = Layout(outputs.folder)
        self._files = PartFiles(self._layout, name)
        self._closed = False
        self._open, self._writers = ExitStack(), list[TimelineTableWriter]()
        self._due_s = float("inf")
        self._old_s = time.monotonic()
        self._tracks, self._finder = TrackSummary(), EpisodeFinder(EpisodeRules())
        self._episodes: list[Episode] = []
        self._segments = VideoSegments() if outputs.video else None
        self._stack = ExitStack()
        try:
            lock = outputs.folder / _FOLDER / partition(name)
            refuse_links(outputs.folder, [lock / "lock", *self._files.all_kinds(), self._layout.record(name)])
            self._stack.enter_context(only_run(lock))
            self._go_on(recorded)
        except BaseException:
            self._stack.close()
            raise

    def _go_on(self, recorded: RecordedSource) -> None:
        """Finds where the sessions before ended, and completes what they could not."""
        now = datetime.now(UTC)
        former = self._former()
        if former is not None and not former.live:
            raise InputError(
                f"{self._outputs.folder}: holds results of a file named {self._name}.",
                remedies=[ANOTHER_FOLDER, OptionHint("name", advice="choose another name with {}")],
            )
        self._files.tidy()
        had = {} if former is None else former.live
        if former is not None and self._outputs.timeline == "both":
            # Their tracks' numbers will be given again.
            self._files.forget_half(int(had.get("next_part", 0)))
        # From the parts themselves: the document may be damaged, and numbers of tracks are never given again.
        frame, time_s, track = last_position(self._files.of_timeline(), self._files.of_tracks())
        self._record = RecordingRecord(
            self._name, recorded.source, "partial", now if former is None else former.started_at, now
        )
        self._record.settings = {
            **self._provenance.settings,
            "selection": Selection(fps=recorded.fps).to_dict(),
        }
        self._record.retry = False
        self._record.model = {"name": self._provenance.model, "sha256": self._provenance.model_sha256}
        self._before = {} if former is None else former.counts
        self.beginning = ResumePoint(
            self._record.started_at,
            max(time_s, float(had.get("last_s", 0.0))),
            max(frame + 1, int(had.get("next_frame", 0))),
            max(track + 1, int(had.get("next_track", 1))),
        )
        """Where a session's numbers begin."""
        self._next = max(self._files.next_number(), int(had.get("next_part", 0)))
        self._last_s, self._frame, self._track = self.beginning.time_s, self.beginning.frame, self.beginning.track
        self._gaps: deque[dict[str, Any]] = deque(had.get("gaps", ()), maxlen=_MOST_GAPS)
        self._gap_count, self._sessions = int(had.get("gap_count", 0)), int(had.get("sessions", 0)) + 1
        self._rows = self._track_rows = self._episode_rows = 0
        self._gap: dict[str, Any] | None = None
        self._exists = former is not None
        if former is not None or self._next:
            self._gap = self._gap_from(had.get("last_at"), self._last_s, "the session before has ended")
            self._tracks, self._episodes = recover_tables(self._files)
            if len(self._tracks) or self._episodes:
                self._write_ended(everything=True)
                self._next += 1
        self._save()

    def _former(self) -> RecordingRecord | None:
        """The document of the sessions before; None where there is none, or a damaged one beside live parts."""
        path = self._layout.record(self._name)
        if not path.exists():
            return None
        try:
            return RecordingRecord.read(path)
        except InputError:
            if has_live_parts(self._layout, self._name):
                return None
            raise

    @property
    def parts(self) -> int:
        """Closed so far, those of sessions before included."""
        return self._next

    @property
    def next_in_s(self) -> float | None:
        """Seconds until the open part is closed; None where none is open."""
        return None if self._due_s == float("inf") else max(0.0, self._due_s - time.monotonic())

    @property
    def fault(self) -> FerBatchError | None:
        """Why there is not all of the annotated video."""
        return None if self._segments is None else self._segments.fault

    def take(self, event: LiveEvent) -> None:
        """Takes what has happened."""
        match event:
            case FrameAnalyzed():
                self._see(event)
            case Connected(at, time_s, probe):
                self._record.probe, self._exists = probe.to_dict(), True
                if self._gap is not None:
                    self._gap |= {"to_s": time_s, "to_at": at.isoformat()}
                    self._gaps.append(self._gap)
                    self._gap_count += 1
                    self._gap = None
                self._save()
            case Interrupted(at, time_s, error, _):
                if self._gap is None:
                    self._gap = self._gap_from(at.isoformat(), time_s, error.problem)
                    self._cut(gap=True)
                    self._save()

    def tick(self) -> None:
        """Does what is due; called about once a second, whatever happens."""
        now_s = time.monotonic()
        if now_s >= self._due_s:
            self._cut()
            self._save()
        if self._max_age_s is not None and now_s >= self._old_s:
            self._old_s = now_s + min(_OLD_S, self._max_age_s)
            self._files.remove_older(self._max_age_s)

    def close(self) -> None:
        """Writes all that is left; the recording is done until a session goes on."""
        if self._closed:
            return
        self._closed = True
        with self._stack:
            self._cut(gap=True)
            if self._segments is not None:
                self._segments.close()
            self._record.status = "done" if self.fault is None else "partial"
            self._save(self.fault)

    def abort(self) -> None:
        """Gives the recording up as a kill would: what is closed stays, what is open is lost."""
        if not self._closed:
            self._closed = True
            with self._stack:
                self._discard()
                if self._segments is not None:
                    self._segments.close()

    def _see(self, frame: FrameAnalyzed) -> None:
        self._exists = True
        if frame.observation is not None:
            self._last_s = frame.observation.time_s
            self._frame = frame.observation.frame + 1
            for episode in self._finder.write(frame.observation):
                self._episodes.append(episode)
            self._tracks.write(frame.observation)
            if len(frame.observation):
                self._write(frame)
            elif self._episodes or len(self._tracks):
                # The last face has gone: what there is to say of it does not wait for the next one.
                self._begin_part()
        if self._segments is not None and frame.frame is not None:
            self._begin_part()
            self._segments.write(self._files.video(self._next), frame.frame, frame.observation)
        if time.monotonic() >= self._due_s or sum(writer.rows for writer in self._writers[:1]) >= self._part_rows:
            self._cut()
            self._save()

    def _write(self, frame: FrameAnalyzed) -> None:
        assert frame.observation is not None
        self._begin_part()
        if not self._writers:
            formats = self._outputs.timeline
            if formats in {"parquet", "both"}:
                parquet = TimelineWriter(self._files.timeline(self._next), self._provenance)
                self._writers.append(self._open.enter_context(parquet))
            if formats in {"csv", "both"}:
                self._writers.append(self._open.enter_context(CsvWriter(self._files.csv(self._next), self._name)))
        for writer in self._writers:
            writer.write(frame.observation)
        self._rows += len(frame.observation)
        self._track = max(self._track, int(frame.observation.detected.tracks.max()) + 1)

    def _begin_part(self) -> None:
        if self._due_s == float("inf"):
            self._due_s = time.monotonic() + self._part_s

    def _cut(self, *, gap: bool = False) -> None:
        """Closes the open part, if there is anything in it; before a gap, all tracks too, since none goes on."""
        self._due_s = float("inf")
        was_open = bool(self._writers)
        opened, self._open, self._writers = self._open, ExitStack(), []
        # An episode or a track never is in the tables before its rows are.
        opened.close()
        if gap:
            self._episodes += self._finder.finish()
        was_open |= self._write_ended(everything=gap)
        if self._segments is not None:
            was_open |= self._segments.cut()
            if gap:
                self._segments.gap()
        self._next += was_open
        if self._max_age_s is not None:
            self._files.remove_older(self._max_age_s)

    def _write_ended(self, *, everything: bool = False) -> bool:
        """Writes tracks and episodes that have ended; whether there were any."""
        ended = self._tracks.seen_before(float("inf") if everything else self._last_s - _ENDED_S)
        if ended:
            self._tracks.take(ended).save(self._files.tracks(self._next), self._provenance)
            self._track_rows += len(ended)
        episodes, self._episodes = self._episodes, []
        if episodes:
            write_episodes(self._files.episodes(self._next), episodes, self._provenance)
            self._episode_rows += len(episodes)
        return bool(ended or episodes)

    def _discard(self) -> None:
        error = OutputError("given up")
        self._open.__exit__(type(error), error, None)

    def _gap_from(self, at: str | None, time_s: float, reason: str) -> dict[str, Any]:
        return {"from_s": time_s, "from_at": at, "to_s": None, "to_at": None, "reason": reason}

    def _save(self, error: FerBatchError | None = None) -> None:
        """Brings the document up to date; of a source that was never reached there is none."""
        if not self._exists:
            return
        record, counts, before = self._record, self._counts, self._before
        record.finished_at = datetime.now(UTC)
        if record.status == "partial":
            unfinished = f"{self._name}: is being recorded, or was broken off; what is there is whole."
            record.explain(error or FerBatchError(unfinished))
        else:
            record.error, record.remedies = None, []
        now = {
            "frames_decoded": counts.arrived,
            "frames_analysed": counts.analysed,
            "rows": self._rows,
            "tracks": self._track_rows,
            "episodes": self._episode_rows,
            "damaged_packets": counts.damaged,
            "frames_dropped": counts.dropped,
            "frames_passed_over": counts.passed_over,
            "connections": counts.connections,
        }
        record.counts = {name: before.get(name, 0) + value for name, value in now.items()}
        record.files = [path.relative_to(self._layout.out).as_posix() for path in self._folders()]
        gaps = [*self._gaps, *([] if self._gap is None else [self._gap])]
        record.live = {
            "next_part": self._next,
            "next_frame": self._frame,
            "next_track": self._track,
            "last_s": self._last_s,
            "last_at": record.finished_at.isoformat(),
            "sessions": self._sessions,
            "gap_count": self._gap_count,
            "gaps": gaps,
        }
        record.write(self._layout.record(self._name))

    def _folders(self) -> list[Any]:
        files = self._files
        expected = [files.tracks(0), files.episodes(0)]
        if self._outputs.timeline in {"parquet", "both"}:
            expected.insert(0, files.timeline(0))
        if self._outputs.timeline in {"csv", "both"}:
            expected.append(files.csv(0))
        if self._segments is not None:
            expected.append(files.video(0))
        return [path.parent for path in expected]
