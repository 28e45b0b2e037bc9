"""What a command imports before it begins: seconds that every run would wait."""

from __future__ import annotations

import subprocess
import sys


def test_a_run_begins_without_pandas_opencv_and_mediapipe() -> None:
    program = (
        "import sys, fer_batch.cli.main, fer_batch.cli.runs.analyze\n"
        "print(sorted({'cv2', 'av', 'mediapipe', 'pandas', 'matplotlib', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
