"""Small clips for tests, made by the ffmpeg binary that fer-batch ships with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg


def ffmpeg(*arguments: str | Path) -> None:
    """Runs ffmpeg, whose complaints become the exception's message."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def clip(path: Path, *options: str, size: str = "96x64", rate: str = "25", seconds: float = 1) -> Path:
    """A moving test pattern; ``options`` are for the output file."""
    pattern = f"testsrc2=s={size}:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", *options, path)
    return path


def clip_with_sound(path: Path, *options: str, seconds: float = 1, sound_s: float = 1) -> Path:
    """A test pattern and a tone, each of its own length."""
    pattern, tone = f"testsrc2=s=96x64:r=25:d={seconds}", f"sine=d={sound_s}"
    ffmpeg("-f", "lavfi", "-i", pattern, "-f", "lavfi", "-i", tone, "-pix_fmt", "yuv420p", *options, path)
    return path


def cut(path: Path, target: Path, share: float) -> Path:
    """The first ``share`` of a file's bytes."""
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target
