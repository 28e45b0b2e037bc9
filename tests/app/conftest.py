"""A server for all tests of a file: visits must not mind each other anyway."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.serving import Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that forgets visitors soon."""
    if find_spec("streamlit") is None:
        pytest.skip("needs the extra app: pip install 'fer-batch[app]'")
    with serve(tmp_path_factory.mktemp("served"), "--forget-after", "1") as one:
        yield one


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the example, from surprise to laughter."""
    path = tmp_path_factory.mktemp("clip") / "laugh.mp4"
    ffmpeg("-ss", "8", "-t", "3", "-i", EXAMPLE, "-an", "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example six times, two minutes: nobody waits for its end."""
    path = tmp_path_factory.mktemp("clip") / "interview.mp4"
    ffmpeg("-stream_loop", "5", "-i", EXAMPLE, "-an", "-c", "copy", path)
    return path
