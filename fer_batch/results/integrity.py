"""Whether the tables of a recording are those that its document is about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.results.layout import PART, Layout, partition
from fer_batch.results.record import RecordingRecord

_MAGIC: Final = b"PAR1"
_LIVE_PART: Final = re.compile(r"part-\d{8}\.parquet")
"""Parts of files have five digits."""
_COUNTED: Final = {"timelines": "rows", "tracks": "tracks", "episodes": "episodes"}
"""What a document calls the number of rows of each table."""


def checksums(layout: Layout, files: Iterable[Path]) -> dict[str, list[int]]:
    """Bytes, checksum of the footer, and rows of Parquet files, by path below the output folder, for the document.

    Raises:
        OSError: when one cannot be read.
        ValueError: when one is no Parquet file.
    """
    return {file.relative_to(layout.out).as_posix(): [*_fingerprint(file), rows_of([file])] for file in files}


def damaged_table(layout: Layout, record: RecordingRecord) -> str | None:
    """The first table of a recording that is not as it was written: "timelines", "tracks" or "episodes".

    One that is missing is not damaged. Footers tell how many rows a file has and where they lie, so what is checked is
    their checksum; the number of rows itself where the document, of an earlier version, holds none.
    """
    if record.live:
        return None
    out, own = str(layout.out), partition(record.id)
    for folder, count in _COUNTED.items():
        if f"{folder}/{own}" not in record.files:
            continue
        name = f"{folder}/{own}/{PART}"
        known, expected = record.tables.get(name), record.counts.get(count)
        try:
            if known is None:
                # As in documents of earlier versions.
                is_whole = expected is None or rows_of([f"{out}/{name}"]) == expected
            else:
                is_whole = known == [*_fingerprint(f"{out}/{name}"), expected]
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            is_whole = False
        if not is_whole:
            return folder
    return None


def is_as_written(layout: Layout, record: RecordingRecord, file: Path) -> bool:
    """Whether a Parquet file has the size and footer that the recording's document says, if it says any."""
    known = record.tables.get(file.relative_to(layout.out).as_posix())
    try:
        return known is None or list(_fingerprint(file)) == known[:2]
    except (OSError, ValueError):
        return False


def rows_of(parts: Iterable[Path | str]) -> int:
    """Rows of Parquet files by their footers.

    Raises:
        OSError, ValueError: when one cannot be read.
    """
    parts = list(parts)
    if not all(os.path.isfile(part) for part in parts):  # noqa: PTH113
        raise OSError(f"{parts[0]}: no regular file")
    try:
        return sum(pq.read_metadata(part).num_rows for part in parts)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def counted_rows(record: RecordingRecord, folder: str) -> int | None:
    """How many rows of a table a recording's document counts; None where that is not known or still grows."""
    return None if record.live else record.counts.get(_COUNTED[folder])


def has_live_parts(layout: Layout, recording: str) -> bool:
    """Whether parts of a live recording of this name lie in the folder, whatever has become of its document."""
    folders = (one(recording).parent for one in (layout.timeline, layout.tracks, layout.episodes))
    return any(_LIVE_PART.fullmatch(part.name) for folder in folders for part in folder.glob("part-*.parquet"))


def _fingerprint(file: Path | str) -> tuple[int, int]:
    """Size in bytes, and the CRC-32 of the footer."""
    # Not Path, which is slower: a study has thousands of them. A pipe would be waited for.
    if not os.path.isfile(file):  # noqa: PTH113
        if os.path.lexists(file):
            raise ValueError(f"{file}: no regular file")
        raise FileNotFoundError(file)
    with open(file, "rb") as stored:  # noqa: PTH123
        size = stored.seek(0, 2)
        stored.seek(max(0, size - 8))
        tail = stored.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length + 12 > size:
            raise ValueError(f"{file}: no Parquet file")
        stored.seek(size - 8 - length)
        return size, crc32(stored.read(length))
