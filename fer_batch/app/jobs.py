"""An analysis in the background: the command line in a process of its own, which can be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_PATIENCE_S = 5.0
"""How long a stopped analysis may take to put its files in order; a frame and the encoder's end take less than one."""


class Job:
    """``fer-batch analyze`` on one recording.

    Args:
        recording: a video or photo.
        output: folder for what the analysis writes; made when missing.
    """

    def __init__(self, recording: Path, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.output = output
        self._said = output / "said.txt"
        command = [sys.executable, "-m", "fer_batch", "analyze", str(recording), "-o", str(output), "--format", "both"]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
            )

    @property
    def running(self) -> bool:
        """Whether the analysis goes on."""
        return self._process.poll() is None

    @property
    def succeeded(self) -> bool:
        """Whether it is over and everything is written."""
        return self._process.poll() == 0

    @property
    def error(self) -> str:
        """The sentence that says what went wrong; of a recording that failed, its record's."""
        for record in self.output.glob("recordings/*.json"):
            if error := json.loads(record.read_text(encoding="utf-8")).get("error"):
                return str(error)
        lines = self._said.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")), "It was stopped.")

    def cancel(self) -> None:
        """Ends the analysis; nothing happens when it is over already."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
