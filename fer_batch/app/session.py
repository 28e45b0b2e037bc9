"""What one visitor has given and got: a folder nobody else is shown, gone with the visit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fer_batch.app.jobs import Job
from fer_batch.names import shown


class Session:
    """A folder and at most one analysis.

    Args:
        root: the server's folder, which the server removes at its end.
    """

    def __init__(self, root: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=root))
        self.job: Job | None = None

    def analyze(self, name: str, content: bytes) -> None:
        """Begins with an uploaded file; what was there before is stopped and removed.

        Args:
            name: as uploaded; only its last part is used.
            content: the file.
        """
        self.clear()
        recording = self.folder / "uploaded" / Path(shown(name)).name
        recording.parent.mkdir(parents=True)
        recording.write_bytes(content)
        self.job = Job(recording, self.folder / "results")

    def clear(self) -> None:
        """Stops the analysis and removes upload and results."""
        if self.job is not None:
            self.job.cancel()
            self.job = None
        for each in self.folder.iterdir():
            shutil.rmtree(each)

    def close(self) -> None:
        """Ends the visit."""
        self.clear()
        self.folder.rmdir()
