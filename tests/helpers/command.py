"""The console script and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).parent / "fer-batch"


@dataclass(frozen=True)
class Run:
    """A finished command and the folder it wrote."""

    out: Path
    done: subprocess.CompletedProcess[str]

    @property
    def recording(self) -> str:
        (record,) = (self.out / "recordings").glob("*.json")
        return record.name.removesuffix(".json")

    def record(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.out / "recordings" / f"{self.recording}.json").read_text())
        return values

    def annotated(self) -> Path:
        return self.out / "annotated" / self.recording


def finished(stdout: str) -> list[dict[str, Any]]:
    """What ``--json`` tells about the recordings that are over, by id."""
    events = [json.loads(line) for line in stdout.splitlines()]
    assert events[0]["event"] == "begin"
    assert events[-1]["event"] == "end"
    return sorted((each for each in events if each["event"] in {"finished", "kept"}), key=lambda each: str(each["id"]))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
