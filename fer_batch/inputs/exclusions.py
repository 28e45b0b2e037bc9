"""Which files below a folder fer-batch itself wrote, so that a later run does not take them for recordings."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from fer_batch.errors import InputError
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord

_MARK = re.compile(r"~[0-9a-f]{8}(?=$|\.)")
"""What may tell a copy's name from others: see :func:`fer_batch.inputs.recording_ids.marked`."""


class OwnResults:
    """Tells results from recordings, for one search.

    Args:
        output: a folder, usually the output, in which nothing counts as a recording.
    """

    def __init__(self, output: Path | None) -> None:
        self._output = output.resolve() if output is not None and output.is_dir() else None
        self._is_output: dict[Path, bool] = {}
        self._records: dict[Path, dict[str, list[Path]]] = {}

    def is_output(self, folder: Path) -> bool:
        """Whether this is the output folder, by whatever name."""
        if folder not in self._is_output:
            self._is_output[folder] = self._output is not None and folder.resolve() == self._output
        return self._is_output[folder]

    def holds(self, file: Path, searched: Path) -> bool:
        """Whether a file lies in the output folder, if that is below the one searched, or is an annotated copy."""
        for folder in file.parents:
            if folder == searched:
                break
            if self.is_output(folder) or (folder.name == "annotated" and self._is_copy(file, folder)):
                return True
        return False

    def _is_copy(self, file: Path, annotated: Path) -> bool:
        """Whether a document beside ``annotated`` is that of a recording whose copy this is.

        A document that lists files says where its copy is; another's copy would be in the usual place.
        """
        layout = Layout(annotated.parent)
        if self._is_live(layout, file.parent.relative_to(annotated).as_posix()):
            return True
        records = self._records_in(annotated.parent / "recordings" / file.parent.relative_to(annotated))
        names = {file.name, file.stem, _MARK.sub("", file.stem)}
        for document in {path for name in names for path in records.get(name, ())}:
            with suppress(InputError):
                record = RecordingRecord.read(document)
                usual = (layout.annotated(record.id), layout.annotated(record.id, photo=True))
                if file in ((layout.recorded_copy(record.files),) if record.files else usual):
                    return True
        return False

    @staticmethod
    def _is_live(layout: Layout, folder: str) -> bool:
        """Whether it is the folder of a live recording's segments."""
        with suppress(InputError):
            return bool(RecordingRecord.read(layout.recordings_folder / f"{folder}.json").live)
        return False

    def _records_in(self, folder: Path) -> dict[str, list[Path]]:
        """Documents by the name of their recording, with its suffix and without."""
        if folder not in self._records:
            found: dict[str, list[Path]] = {}
            self._records[folder] = found
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".json"):
                        name = entry.name.removesuffix(".json")
                        for key in {name, Path(name).stem}:
                            found.setdefault(key, []).append(Path(entry.path))
        return self._records[folder]
