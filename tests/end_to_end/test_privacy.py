"""Recordings of people's faces stay private: an analysis reaches no network and leaves nothing beside its results."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import imageio_ffmpeg
import pandas as pd
import pytest
from helpers import no_network
from helpers.command import Run, files

import fer_batch

LINGER_S = 15
"""Libraries that report do so in the background and after a while: ONNX Runtime, left alone, after nine seconds."""

# The console script's own entry point, in a process that lives on for a while.
LINGERING = f"""
import sys, time
from fer_batch.cli.main import main
until = time.monotonic() + {LINGER_S}
try:
    main()
finally:
    time.sleep(max(0, until - time.monotonic()))
"""

CONTROLS = {
    "Python": [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', {port}))"],
    "name look-up": [sys.executable, "-c", "import socket; socket.getaddrinfo('example.invalid', 443)"],
    "datagram": [sys.executable, "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"],
    "native": [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "http://127.0.0.1:{port}/"],
    "child of a child": [
        sys.executable,
        "-c",
        "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)",
        *[imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "tcp://127.0.0.1:{port}"],
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _filter() -> None:
    if reason := no_network.unavailable():
        pytest.skip(reason)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Empty folders for all that a process is given to write to besides the output folder."""
    folders = {name: tmp_path / name for name in ("HOME", "TMPDIR", "here")}
    for folder in folders.values():
        folder.mkdir()
    return folders


def environment(places: dict[str, Path]) -> dict[str, str]:
    """A user's plain environment: variables such as CI keep libraries from reporting, which would hide that they do."""
    return {"HOME": str(places["HOME"]), "TMPDIR": str(places["TMPDIR"]), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.mark.slow
def test_an_analysis_opens_no_connection_and_writes_only_its_output(
    clip: Path, example: Run, places: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-B", "-c", LINGERING, "analyze", str(clip), "-o", str(out), "--format", "both"]
    done = no_network.run(command, environment(places), places["here"])
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr}"
    assert files(out) == files(example.out)
    pd.testing.assert_frame_equal(fer_batch.load(out), fer_batch.load(example.out), check_exact=True)
    assert {name: files(folder) for name, folder in places.items()} == {name: [] for name in places}


@pytest.mark.parametrize("command", CONTROLS.values(), ids=CONTROLS.keys())
def test_the_filter_ends_whatever_connects(command: list[str], places: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = no_network.run(
            [part.replace("{port}", str(port)) for part in command], environment(places), places["here"]
        )
    assert done.returncode in {no_network.KILLED, 256 + no_network.KILLED}
