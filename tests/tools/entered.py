"""List the modules that a recording enters before its first frame is decoded: ``python tests/tools/entered.py [FILE]``.

Counts files of fer-batch in which a function is called, from ``analyze_recording`` to the first decoded frame.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from fer_batch.config import Outputs, Selection, Settings
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.video.video_reader import VideoFile

_PACKAGE = Path(__file__).parents[2] / "fer_batch"
_EXAMPLE = _PACKAGE.parent / "examples" / "WolfgangLanger_Pexels.mp4"


def entered(path: Path) -> list[str]:
    """Return the modules, as paths below the package, in the order in which they are entered."""
    seen: dict[str, None] = {}
    decoded = threading.Event()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or decoded.is_set():
            return
        file = frame.f_code.co_filename
        if Path(file).is_relative_to(_PACKAGE):
            seen[str(Path(file).relative_to(_PACKAGE))] = None

    original = VideoFile.frames

    def frames(self: VideoFile, *arguments: Any, **named: Any) -> Any:
        for frame in original(self, *arguments, **named):
            decoded.set()
            yield frame

    VideoFile.frames = frames  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder, Engine(Settings()) as engine:
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            analyze_recording(
                engine, Recording(path.name, path), Selection(end_s=0.5), Outputs(Path(folder), video=False)
            )
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return list(seen)


def main() -> None:
    """Run the command line."""
    modules = entered(Path(sys.argv[1]) if len(sys.argv) > 1 else _EXAMPLE)
    print(*modules, sep="\n")
    print(f"{len(modules)} modules")


if __name__ == "__main__":
    main()
