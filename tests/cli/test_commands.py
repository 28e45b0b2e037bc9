"""The command where the machine or the shell lacks something, and what its smaller commands refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.clips import clip, clip_with_sound
from helpers.paths import ASTRONAUT

import fer_batch
from fer_batch.benchmark.excerpt import Excerpt, first_stretch, looped, ten_times
from fer_batch.cli.main import run
from fer_batch.errors import InputError

SCRIPT = Path(sys.executable).parent / "fer-batch"


def test_a_missing_system_library_is_told_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server without graphics; the loader's own words are all that MediaPipe raises."""
    (tmp_path / "mediapipe").mkdir()
    lacking = "raise OSError('libGLESv2.so.2: cannot open shared object file: No such file or directory')\n"
    (tmp_path / "mediapipe" / "__init__.py").write_text(lacking)
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["analyze", str(ASTRONAUT), "-o", str(tmp_path / "out"), "--no-video", "--detector", "mediapipe"]) == 2
    assert not (tmp_path / "out").exists()
    said = capsys.readouterr().err
    assert "Error: MediaPipe cannot be loaded (libGLESv2.so.2: cannot open" in said
    assert "apt-get install libgles2 libegl1" in said


def test_a_missing_system_library_of_opencv_is_told_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("fer_batch.video.open.open_source", fail)
    assert run(["probe", str(ASTRONAUT)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: libGL.so.1: cannot open")
    assert "libgl1" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a shell's way to close streams")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(tmp_path: Path, closed: str) -> None:
    out = tmp_path / "out"
    command = [str(SCRIPT), "analyze", str(ASTRONAUT), "-o", str(out)]
    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (out / "annotated" / "astronaut.png").is_file()


def test_bench_refuses_what_is_no_video(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(ASTRONAUT)]) == 2
    assert capsys.readouterr().err == f"Error: {ASTRONAUT}: is a photo; speed is measured on a video.\n"


@pytest.mark.slow
def test_bench_prints_what_it_has_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(clip(tmp_path / "short.mp4")), "--runs", "1", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["processor"]
    assert measured["measured_s"] is None
    assert measured["frames"] == 25
    assert measured["frames_per_second"] > 0
    assert measured["decode_frames_per_second"] > 0
    assert measured["ratio_to_decode"] < 1
    assert measured["peak_memory_mb"] > 50
    # Every stage has taken time, and together they are what the whole process took.
    stages = {"decode", "convert", "detect", "track", "register", "classify", "write", "other"}
    assert set(measured["stages"]) >= stages - {"register", "classify", "detect"}
    assert all(spent >= 0 for spent in measured["stages"].values())
    assert measured["processor_ms"] == pytest.approx(sum(measured["stages"].values()))
    assert set(measured["waits"]) >= {"decode", "follow"}
    assert measured["ratio_to_transcode"] is None


@pytest.mark.slow
def test_bench_measures_all_it_can_on_one_stretch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fer_batch.benchmark.performance.first_stretch", lambda path: Excerpt(path, 0.4))
    # Its packets cannot be copied to a file of its suffix, nor its sound into every container.
    path = clip_with_sound(tmp_path / "odd.avi", "-c:a", "adpcm_ms").rename(tmp_path / "odd.dat")
    assert run(["bench", str(path), "--runs", "1", "--full", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert [measured[key] for key in ("measured_s", "frames", "long_frames")] == [0.4, 10, 100]
    assert all(spent > 0 for name, spent in measured.items() if "ratio" in name)
    assert set(measured["video_stages"]) >= {"draw", "encode"}
    assert measured["video_stages"]["encode"] > 0
    assert set(measured) - {key for key, value in measured.items() if value is not None} <= {"instructions"}


def test_bench_measures_no_more_than_time_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path / "clip.mp4")
    assert first_stretch(path) == Excerpt(path)
    monkeypatch.setattr("fer_batch.benchmark.excerpt._MOST_S", 0.0)
    stretch = first_stretch(path)
    assert stretch.end_s is not None
    assert 0 < stretch.end_s < 1


def test_ten_times_a_stretch_is_taken_from_a_recording_that_is_long_enough(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    assert ten_times(Excerpt(path, 0.1), tmp_path) == Excerpt(path, 1.0)
    assert ten_times(Excerpt(path, 0.2), tmp_path).path != path


def test_probe_keeps_a_cameras_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["probe", "rtsp://user:secret@cam/1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: rtsp://cam/1: addresses of streams are not analysed")


def test_a_recording_that_cannot_be_repeated_is_told(tmp_path: Path) -> None:
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(clip(tmp_path / "whole.mp4").read_bytes()[:500])
    with pytest.raises(InputError, match=r"torn\.mp4: cannot be repeated to ten times its length \(.+\)"):
        looped(torn, tmp_path)


def test_a_summary_words_remedies_as_the_command_line_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", str(ASTRONAUT), "-o", str(tmp_path), "--max-pixels", "6000", "-q"]) == 2
    error = fer_batch.recordings(tmp_path)["error"].item()
    assert error.endswith("allow more with max_pixels, unless the file is damaged.")
    capsys.readouterr()
    run(["summary", str(tmp_path)])
    assert "allow more with --max-pixels, unless the file is damaged." in capsys.readouterr().err
