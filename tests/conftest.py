"""The real thing: the console script on the clip that ships, run once for all tests that read its results."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from helpers.command import SCRIPT, Run
from helpers.paths import EXAMPLE


@pytest.fixture(scope="session")
def clip() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def script() -> Path:
    """The console script that installing the package makes."""
    assert SCRIPT.is_file(), "install the package first: pip install -e ."
    return SCRIPT


@pytest.fixture(scope="session")
def analyze_by_script(script: Path) -> Callable[..., Run]:
    def run(source: Path, out: Path, *options: str) -> Run:
        command = [str(script), "analyze", str(source), "-o", str(out), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CI": "true"})
        assert done.returncode == 0, done.stderr
        return Run(out, done)

    return run


@pytest.fixture(scope="session")
def example(clip: Path, analyze_by_script: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``fer-batch analyze --format both`` on the clip."""
    return analyze_by_script(clip, tmp_path_factory.mktemp("example") / "out", "--format", "both")


@pytest.fixture(scope="session")
def long_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip twenty times over, five minutes with sound: too long to be analysed before a test steps in."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-stream_loop",
        "19",
        "-i",
        str(clip),
        "-c",
        "copy",
        path,
    ]
    subprocess.run(command, check=True)
    return path
