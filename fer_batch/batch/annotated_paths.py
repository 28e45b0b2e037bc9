"""Where the annotated copies of a run go, so that no two recordings share one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.filesystem.paths import PHOTO_SUFFIXES
from fer_batch.inputs.discovery import Recording
from fer_batch.inputs.recording_ids import marked
from fer_batch.results.layout import Layout, copy_name
from fer_batch.results.record import RecordingRecord

_LAST = 2
"""The number of the last of the names that a copy may have, which is nobody else's: see :func:`_name`."""


def annotated_paths(
    recordings: Iterable[Recording], layout: Layout, former: Mapping[str, RecordingRecord | None] | None = None
) -> dict[str, Path]:
    """The path of each recording's annotated copy, by id, whatever the order of the recordings.

    Usually the layout's. Where several recordings would share that, the one of exactly this name has it, and each of
    the others takes its whole id with the copy's suffix added: of ``x.mov`` and ``x.mp4``, ``x.mov.mp4``. A recording
    whose document in the folder names a copy keeps its path, and who comes later takes the longer one.

    Args:
        recordings: all of the run, also those that are done already.
        layout: of the output folder.
        former: the documents of these recordings in it, by id; read unless given.
    """
    photos = {recording.id: recording.is_photo for recording in recordings}
    if former is None:
        copies = {name: _recorded(layout, name) for name in photos}
    else:
        copies = {name: None if one is None else layout.recorded_copy(one.files) for name, one in former.items()}
    occupied = _of_others(layout, photos)
    settled: dict[str, Path] = {}
    for name in sorted(photos):
        # A document may come from anywhere: it decides between the recording's own names alone.
        own = {layout.copy(_name(name, number, photo=photos[name])) for number in range(_LAST + 1)}
        if (path := copies.get(name)) in own and path is not None and path not in occupied:
            settled[name] = path
            occupied.add(path)
    attempts = {name: 0 for name in photos if name not in settled}
    while True:
        claims: dict[str, list[str]] = defaultdict(list)
        for name, number in attempts.items():
            claims[_name(name, number, photo=photos[name])].append(name)
        losers = [
            name
            for copy, claimants in claims.items()
            if len(claimants) > 1 or layout.copy(copy) in occupied
            for name in claimants
            if (name != copy or layout.copy(copy) in occupied) and attempts[name] < _LAST
        ]
        if not losers:
            return settled | {name: layout.copy(copy) for copy, claimants in claims.items() for name in claimants}
        for name in losers:
            attempts[name] += 1


def _name(recording: str, number: int, *, photo: bool) -> str:
    """What a copy may be called: the usual name, the whole id with a suffix, or with a digest of the id."""
    if number == 1:
        return recording + (".png" if photo else ".mp4")
    return copy_name(marked(recording, recording) if number == _LAST else recording, photo=photo)


def _recorded(layout: Layout, recording: str) -> Path | None:
    """The annotated copy that a recording's document names."""
    path = layout.record(recording)
    try:
        return layout.recorded_copy(RecordingRecord.read(path).files) if path.is_file() else None
    except InputError:
        return None


def _of_others(layout: Layout, photos: dict[str, bool]) -> set[Path]:
    """Those copies of recordings outside the run that may lie where one of the run would go."""
    wanted = {_name(name, number, photo=photo) for name, photo in photos.items() for number in range(_LAST)}
    paths = set()
    for other in layout.recordings():
        if other not in photos:
            photo = Path(other).suffix.lower() in PHOTO_SUFFIXES
            possible = {_name(other, number, photo=photo) for number in range(_LAST + 1)}
            if not wanted.isdisjoint(possible) and (path := _recorded(layout, other)) is not None:
                paths.add(path)
    return paths
