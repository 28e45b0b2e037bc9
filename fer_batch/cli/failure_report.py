"""What is not done, as a table for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from fer_batch.atomic import explained, whole
from fer_batch.timeline.record import RecordingRecord

_COLUMNS = ("recording", "source", "status", "error", "retry", "finished_at")


def write_failures(path: Path, records: Iterable[RecordingRecord]) -> None:
    """Writes a CSV file with one row for each recording that is not done, none if all are.

    Columns: recording, source (path of the file), status ("failed" or "partial"), error (a sentence), retry (whether
    running again does it again) and finished_at (UTC).

    Raises:
        OutputError: when it cannot be written.
    """
    with (
        whole(path) as temporary,
        explained(path),
        temporary.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for one in sorted(records, key=lambda record: record.id):
            if one.status != "done":
                retry, finished = str(one.retry).lower(), one.finished_at.isoformat(timespec="seconds")
                table.writerow([one.id, one.source, one.status, one.error or "", retry, finished])
