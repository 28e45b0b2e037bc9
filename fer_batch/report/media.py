"""Where a page finds the pictures that it draws over."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fer_batch.errors import InputError
from fer_batch.names import valid
from fer_batch.timeline.layout import Layout
from fer_batch.timeline.record import RecordingRecord
from fer_batch.video.file import VideoFile


@dataclass(frozen=True, slots=True)
class Media:
    """Links to try one after another, each a dict of href, name and shift_s."""

    shift_s: float
    """What to add to the recording's own clock, as a player shows it, for ``time_s``."""
    recording: list[dict[str, Any]] = field(default_factory=list)
    annotated: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"shift_s": self.shift_s, "recording": self.recording, "annotated": self.annotated}


def media(out: Path, record: RecordingRecord, page: Path) -> Media:
    """The recording and its annotated copy, as seen from a page.

    The recording's place is given twice: by the way from the page, which holds when a folder with both is moved, and
    in full, which holds when the report alone is. A live source has no file to link to.
    """
    source, shift_s = Path(record.source), 0.0
    if record.probe.get("kind") == "video":
        # A recording that is gone may be put back, or its page be looked at where it is.
        with suppress(InputError, OSError), VideoFile(source) as video:
            shift_s = 0.0 - video.start_s
    begin_s = float(record.settings.get("selection", {}).get("start_s") or 0)
    recording = [] if "://" in record.source else _links(source, page, shift_s)
    copy = Layout(out).recorded_copy(record.files)
    # The copy begins with what was analysed.
    annotated = _links(copy.absolute(), page, begin_s)[:1] if copy is not None and copy.is_file() else []
    return Media(shift_s, recording, annotated)


def _links(file: Path, page: Path, shift_s: float) -> list[dict[str, Any]]:
    hrefs = []
    # On Windows there is no way from one drive to another.
    with suppress(ValueError):
        hrefs.append(quote(os.fsencode(os.path.relpath(file, page.parent.absolute())).replace(os.sep.encode(), b"/")))
    if file.is_absolute():
        hrefs.append(file.as_uri())
    return [{"href": href, "name": valid(str(file)), "shift_s": shift_s} for href in hrefs]
