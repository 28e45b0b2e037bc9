"""What is not done, as a table for a spreadsheet."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from fer_batch.errors import OutputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.filesystem.overwriting import has_head
from fer_batch.inputs.discovery import Recording
from fer_batch.results.csv_text import escaped
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.formatting import faults
from fer_batch.utils.text import valid

_COLUMNS = ("recording", "source", "status", "error", "retry", "finished_at")


def is_failure_report(path: Path) -> bool:
    """Whether a file was written by :func:`write_failures`."""
    return has_head(path, ",".join(_COLUMNS).encode())


def is_device(path: Path) -> bool:
    """Whether it is written into as it is: standard output, a pipe, a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_report(path: Path) -> None:
    """Makes sure that the table can be written: in the morning it is too late to find out.

    Raises:
        OutputError: when it cannot.
    """
    if is_device(path):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file with --report.") from error


def write_failures(path: Path, records: Iterable[RecordingRecord], not_begun: Iterable[Recording] = ()) -> None:
    """Writes a CSV file with one row for each recording that is not done or damaged, none if all are well.

    Columns: recording, source (path of the file), status ("failed", "partial", "done" with damage, "not begun"), error
    (a sentence), retry (whether running again does it again) and finished_at (UTC). Text is escaped, see
    :mod:`fer_batch.results.csv_text`; :func:`fer_batch.read_csv` reads it.

    Args:
        path: the file.
        records: of all recordings that are over.
        not_begun: the others.

    Raises:
        OutputError: when it cannot be written.
    """
    rows: list[tuple[str, ...]] = []
    for one in records:
        damage = faults(one.counts)
        if one.status != "done" or damage:
            finished = one.finished_at.isoformat(timespec="seconds")
            said = one.error or f"{one.source}: {damage}."
            rows.append((one.id, valid(one.source), one.status, said, str(one.retry).lower(), finished))
    rows += [(one.id, valid(str(one.path)), "not begun", "The run ended before.", "true", "") for one in not_begun]
    with (
        nullcontext(path) if is_device(path) else whole(path) as target,
        explained(path),
        target.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        table.writerows([escaped(cell) for cell in row] for row in sorted(rows))
