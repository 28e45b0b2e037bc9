"""Where a page finds the pictures that it draws over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from fer_batch.errors import InputError
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.text import valid
from fer_batch.video.video_reader import VideoFile

Place: TypeAlias = Callable[[Path], str]
"""Tells a file's address where a server gives it to browsers."""


@dataclass(frozen=True, slots=True)
class Media:
    """Links to try one after another, each a dict of href, name and shift_s.

    Those of an annotated copy in parts, as live sources have it, also have from_s and to_s: they follow each other.
    """

    shift_s: float
    """What to add to the recording's own clock, as a player shows it, for ``time_s``."""
    recording: list[dict[str, Any]] = field(default_factory=list)
    annotated: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"shift_s": self.shift_s, "recording": self.recording, "annotated": self.annotated}


def media(out: Path, record: RecordingRecord, page: Path | Place) -> Media:
    """The recording and its annotated copy, as seen from a page.

    The recording's place is given twice: by the way from the page, which holds when a folder with both is moved, and
    in full, which holds when the report alone is. A live source has no file to link to, and one that was played as if
    it were a camera has times of its own. A page that a server gives has the addresses there of those files that
    exist.
    """
    source, shift_s = Path(record.source), 0.0
    if record.probe.get("kind") == "video" and not record.live:
        # A recording that is gone may be put back, or its page be looked at where it is.
        with suppress(InputError, OSError), VideoFile(source) as video:
            shift_s = 0.0 - video.start_s
    begin_s = float(record.settings.get("selection", {}).get("start_s") or 0)
    recording = [] if record.live else _links(source, page, shift_s)
    copy = Layout(out).recorded_copy(record.files)
    annotated: list[dict[str, Any]] = []
    if copy is not None and copy.is_file():
        # The copy begins with what was analysed.
        annotated = _links(copy.absolute(), page, begin_s)[:1]
    elif copy is not None:
        annotated = [part for document in sorted(copy.glob("part-*.json")) for part in _part(document, page)]
    return Media(shift_s, recording, annotated)


def _part(document: Path, page: Path | Place) -> list[dict[str, Any]]:
    """The video that a document beside it is about; none where it is gone or cannot be understood."""
    video = document.with_suffix(".mp4")
    try:
        about = json.loads(document.read_text(encoding="utf-8"))
        start_s, last_s = float(about["start_s"]), float(about["last_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    if not video.is_file():
        return []
    return [{**link, "from_s": start_s, "to_s": last_s} for link in _links(video.absolute(), page, start_s)[:1]]


def _links(file: Path, page: Path | Place, shift_s: float) -> list[dict[str, Any]]:
    hrefs = []
    if not isinstance(page, Path):
        hrefs = [page(file)] if file.is_file() else []
        return [{"href": href, "name": valid(str(file)), "shift_s": shift_s} for href in hrefs]
    # On Windows there is no way from one drive to another.
    with suppress(ValueError):
        hrefs.append(quote(os.fsencode(os.path.relpath(file, page.parent.absolute())).replace(os.sep.encode(), b"/")))
    if file.is_absolute():
        hrefs.append(file.as_uri())
    return [{"href": href, "name": valid(str(file)), "shift_s": shift_s} for href in hrefs]
