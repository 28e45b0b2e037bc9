"""Where the annotated copies of a run go, so that no two recordings share one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.ids import marked
from fer_batch.inputs import Recording
from fer_batch.timeline.layout import Layout, copy_name
from fer_batch.timeline.record import RecordingRecord
from fer_batch.video.suffixes import PHOTO_SUFFIXES


def annotated_paths(recordings: Iterable[Recording], layout: Layout) -> dict[str, Path]:
    """The path of each recording's annotated copy, by id, whatever the order of the recordings.

    Usually the layout's. Where several recordings would share that, the one of exactly this name has it, and each of
    the others takes its whole id with the copy's suffix added: of ``x.mov`` and ``x.mp4``, ``x.mov.mp4``. A recording
    whose document in the folder names a copy keeps its path, and who comes later takes the longer one.

    Args:
        recordings: all of the run, also those that are done already.
        layout: of the output folder.
    """
    names = {recording.id: _names(recording.id, photo=recording.is_photo) for recording in recordings}
    settled = {name: path for name in names if (path := _recorded(layout, name)) is not None}
    taken = set(settled.values()) | _of_others(layout, names)
    level = dict.fromkeys(names.keys() - settled.keys(), 0)
    while True:
        claims: dict[Path, list[str]] = defaultdict(list)
        for name, number in level.items():
            claims[layout.copy(names[name][number])].append(name)
        losers = [
            name
            for path, claimants in claims.items()
            if path in taken or len(claimants) > 1
            for name in claimants
            if (path in taken or name != names[name][level[name]]) and level[name] < len(names[name]) - 1
        ]
        if not losers:
            return settled | {name: path for path, claimants in claims.items() for name in claimants}
        for name in losers:
            level[name] += 1


def _names(recording: str, *, photo: bool) -> tuple[str, str, str]:
    """What a copy may be called, by preference; the last is nobody else's."""
    suffix = ".png" if photo else ".mp4"
    unique = marked(recording, recording)
    return copy_name(recording, photo=photo), recording + suffix, copy_name(unique, photo=photo)


def _recorded(layout: Layout, recording: str) -> Path | None:
    """The annotated copy that a recording's document names."""
    path = layout.record(recording)
    try:
        return layout.recorded_copy(RecordingRecord.read(path).files) if path.is_file() else None
    except InputError:
        return None


def _of_others(layout: Layout, names: dict[str, tuple[str, str, str]]) -> set[Path]:
    """Those copies of recordings outside the run that may lie where one of the run would go."""
    wanted = {name for three in names.values() for name in three}
    found = set()
    for other in layout.recordings():
        if other not in names:
            photo = Path(other).suffix.lower() in PHOTO_SUFFIXES
            if not wanted.isdisjoint(_names(other, photo=photo)) and (path := _recorded(layout, other)) is not None:
                found.add(path)
    return found
