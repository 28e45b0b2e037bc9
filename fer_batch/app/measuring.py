"""A model measured on labelled faces by ``fer-batch evaluate``, in a process that can be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from fer_batch.app.jobs import Work
from fer_batch.errors import FerBatchError


class Measuring(Work):
    """``fer-batch evaluate``.

    Args:
        dataset: a folder or table.
        model: name or path.
        way: "photos" or "crops".
        max_pixels: larger pictures are left out.
    """

    def __init__(self, dataset: str, model: str, way: str, max_pixels: int) -> None:
        super().__init__("measuring")
        self.values: dict[str, Any] | None = None
        """Every figure, once it is over."""
        command = [
            sys.executable,
            "-m",
            "fer_batch",
            "evaluate",
            "--json",
            "--as",
            way,
            "--model",
            model,
            "--max-pixels",
            str(max_pixels),
            "--",
            dataset,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _run(self) -> None:
        said, errors = self._process.communicate()
        if self._process.returncode == 0:
            self.values = json.loads(said)
            return
        sentences = [line.removeprefix("Error: ") for line in errors.splitlines() if line.startswith("Error: ")]
        raise FerBatchError(sentences[0] if sentences else "It was stopped.")

    def _stop(self) -> None:
        self._process.kill()
