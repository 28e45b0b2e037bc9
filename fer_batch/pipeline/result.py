"""Result of a recording, and how far its analysis is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fer_batch.errors import FerBatchError, InputError
from fer_batch.inputs.discovery import Recording
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.jsonable import plain
from fer_batch.utils.text import valid


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording is."""

    frames: int
    """Of the selection's range, so far."""
    frames_total: int | None
    """In that range, by the container; None where it does not say."""
    time_s: float
    """Presentation time reached, from the start of the range."""
    faces: int
    """Rows so far."""


@dataclass(slots=True)
class RecordingResult:
    """What became of a recording."""

    record: RecordingRecord
    tracks: list[dict[str, Any]] = field(default_factory=list)
    """A row of the tracks table each."""
    files: list[Path] = field(default_factory=list)
    """What was written, the folder of the Parquet parts for the timeline."""
    episodes_part: Path | None = None
    """The episodes table's file."""
    error: FerBatchError | None = None
    """Why it failed, with all attributes; the record has what is shown of it."""
    cause: Exception | None = None
    """The error of a library or of fer-batch that made the recording fail, if it was one."""

    @property
    def episodes(self) -> list[dict[str, Any]]:
        """A row of the episodes table each, read when asked for: there may be many."""
        if self.episodes_part is None:
            return []
        # Not read_table, which loads the machinery for data sets: 50 MB for one small file.
        with pq.ParquetFile(self.episodes_part) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
        return rows

    def fail(self, error: FerBatchError) -> None:
        """Turn it into that of a recording of which nothing was written."""
        record = self.record
        record.status, record.retry = "failed", True
        record.explain(error)
        self.error = error
        record.counts, record.files, record.tables = {}, [], {}
        record.finished_at = datetime.now(UTC)
        self.tracks.clear()
        self.files.clear()
        self.episodes_part = None

    def to_dict(self) -> dict[str, Any]:
        """The record, tracks, episodes and paths as plain values for JSON."""
        document = plain(asdict(self.record))
        assert isinstance(document, dict)
        files = [plain(path) for path in self.files]
        return {**document, "tracks": self.tracks, "episodes": self.episodes, "files": files}


def read_record(layout: Layout, recording: Recording) -> RecordingRecord | None:
    """What an earlier run noted about a recording of this id; None where there is nothing readable."""
    path = layout.record(recording.id)
    try:
        record = RecordingRecord.read(path) if path.is_file() else None
    except InputError:
        return None
    # The document of another recording says nothing about this one.
    return record if record is not None and record.id == valid(recording.id) else None


def earlier_outcome(layout: Layout, record: RecordingRecord) -> RecordingResult:
    """The outcome of an earlier run, from what it wrote."""
    path, episodes = layout.tracks(record.id), layout.episodes(record.id)
    tracks = pq.read_table(path, partitioning=None).to_pylist() if path.is_file() else []
    files = [layout.out / name for name in record.files]
    return RecordingResult(record, tracks, files, episodes if episodes.is_file() else None)
