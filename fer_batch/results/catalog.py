"""What became of each recording of an output folder, as one data frame."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import pandas as pd

from fer_batch.errors import InputError
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord

_PROBED: Final = {
    "kind": "string",
    "duration_s": "Float64",
    "width": "Int32",
    "height": "Int32",
    "frame_rate": "Float64",
}
_COUNTED: Final = (
    "frames_decoded",
    "frames_analysed",
    "rows",
    "tracks",
    "episodes",
    "damaged_packets",
    "damaged_frames",
    "repaired_times",
)
_TYPES: Final = {
    "recording": "string",
    "status": "string",
    "error": "string",
    "source": "string",
    **_PROBED,
    **dict.fromkeys(_COUNTED, "Int64"),
    "started_at": "datetime64[us, UTC]",
    "finished_at": "datetime64[us, UTC]",
    "model": "string",
    "model_sha256": "string",
    "version": "string",
    "detector": "string",
    "every": "Int64",
    "fps": "Float64",
    "start_s": "Float64",
    "end_s": "Float64",
    "retry": "boolean",
    "notes": "string",
    "results_version": "Int64",
}
"""Columns and their types; those of a later version go at the end."""

_TEMPORARY: Final = re.compile(r"(^|/)\.[0-9a-f]{12}-[0-9a-f]{8}\.tmp$")
"""What temporary names of :mod:`fer_batch.filesystem.atomic` leave of a document's name: it is still being written."""


def recordings(out: str | os.PathLike[str]) -> pd.DataFrame:
    """What is known of each recording of an output folder: one row a recording, failed ones too, ordered by id.

    Columns: recording, status ("done", "partial", "failed"), error (the sentence shown to the user), source (the file's
    path), kind ("video" or "photo"), duration_s, width, height, frame_rate, frames_decoded, frames_analysed, rows,
    tracks, episodes, damaged_packets, damaged_frames, repaired_times, started_at, finished_at (UTC), model,
    model_sha256, version (fer-batch's), the settings by which results may differ: detector, every, fps, start_s, end_s;
    retry: whether the same command does it again; notes: what was left out, mixed down, guessed or passed over, a
    line "code: sentence" for each, null where there is nothing to note; and results_version: recordings of other
    versions of the results differ for the same settings. What is not known is null: a failed recording
    has no counts. A recording whose document is not readable has the status "unreadable", and the error says which file
    that is.

    Raises:
        InputError: when the folder holds no documents of recordings.
    """
    layout = Layout(Path(out))
    # Once each: other spellings of a name in the folder are not ours.
    names = sorted({name for name in layout.recordings() if not _TEMPORARY.search(name)})
    # A running analysis takes the document of a recording away while it replaces its results.
    rows = [row for name in names if (row := _row(layout, name))[1] != "unreadable" or layout.record(name).exists()]
    if not rows:
        if not Path(out).is_dir():
            raise InputError(f"{out}: no such folder; check the path.")
        raise InputError(f"{out}: holds no recordings; give the output folder of fer-batch analyze.")
    values = zip(*rows, strict=True)
    columns = {
        name: pd.Series(list(each), dtype=kind) for (name, kind), each in zip(_TYPES.items(), values, strict=True)
    }
    return pd.DataFrame(columns)


def _row(layout: Layout, recording: str) -> tuple[Any, ...]:
    try:
        record = RecordingRecord.read(layout.record(recording))
        if record.id != recording:
            raise InputError(f"{layout.record(recording)}: is about {record.id}; analyze the recording again.")
        known = {
            **{name: record.probe.get(name) for name in _PROBED},
            **{name: record.counts.get(name) for name in _COUNTED},
            "recording": record.id,
            "status": record.status,
            "error": record.worded(),
            "source": record.source,
            "started_at": record.started_at,
            "finished_at": record.finished_at,
            "model": record.model.get("name"),
            "model_sha256": record.model.get("sha256"),
            "version": record.versions.get("fer_batch"),
            "detector": record.settings.get("detector"),
            "retry": record.retry,
            "notes": "\n".join(f"{note['code']}: {note['text']}" for note in record.notes) or None,
            "results_version": record.results_version,
            **record.settings.get("selection", {}),
        }
    except (InputError, AttributeError, TypeError, KeyError) as error:
        # Readable JSON of another make has no such attributes. One bad document must not hide the others.
        sentence = f"{layout.record(recording)}: not a readable recording document; analyze the recording again."
        known = {
            "recording": recording,
            "status": "unreadable",
            "error": str(error) if isinstance(error, InputError) else sentence,
        }
    return tuple(known.get(name) for name in _TYPES)
