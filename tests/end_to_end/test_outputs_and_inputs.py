"""What a user names for results never costs a recording or another file."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ASTRONAUT

import fer_batch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and modes of POSIX")


def command(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "fer_batch", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(ASTRONAUT, folder / "a.png")
    (folder / "notes.txt").write_text("by hand\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--report", "--log-file"])
@pytest.mark.parametrize("spelling", ["itself", "link", "hard link", "other spelling", "beside it"])
def test_a_file_beside_the_results_is_never_an_input(
    recordings: Path, tmp_path: Path, option: str, spelling: str
) -> None:
    recording = recordings / "a.png"
    named = {
        "itself": recording,
        "other spelling": recordings / ".." / "in" / "a.png",
        "beside it": recordings / "notes.txt",
    }
    target = named.get(spelling, tmp_path / "named.csv")
    if spelling == "link":
        target.symlink_to(recording)
    elif spelling == "hard link":
        os.link(recording, target)
    before = {path.name: path.read_bytes() for path in recordings.iterdir()}

    done = command("analyze", recordings, "-o", tmp_path / "out", option, target, "--overwrite")

    assert done.returncode == 2
    assert str(target) in done.stderr
    assert option in done.stderr
    assert {path.name: path.read_bytes() for path in recordings.iterdir()} == before
    assert not (tmp_path / "out").exists(), "refused before any work"


def test_the_same_keys_in_a_settings_file_are_checked(recordings: Path, tmp_path: Path) -> None:
    settings = tmp_path / "own.toml"
    settings.write_text('inputs = ["in"]\noutput = "out"\nreport = "in/a.png"\n')
    before = (recordings / "a.png").read_bytes()

    done = command("analyze", "--config", settings)

    assert done.returncode == 2
    assert "is an input" in done.stderr
    assert (recordings / "a.png").read_bytes() == before


@pytest.mark.slow
def test_files_of_somebody_else_are_not_replaced_and_our_own_are(recordings: Path, tmp_path: Path) -> None:
    report, log, out = tmp_path / "failures.csv", tmp_path / "run.log", tmp_path / "out"
    report.write_text("name,age\n")
    refused = command("analyze", recordings, "-o", out, "--report", report)
    assert refused.returncode == 2
    assert "was not written by fer-batch; move it or give another name" in refused.stderr
    assert report.read_text() == "name,age\n"
    report.unlink()
    log.write_bytes(b"\0\x01binary")
    refused = command("analyze", recordings, "-o", out, "--log-file", log)
    assert "is not a text file that could be appended to" in refused.stderr
    log.write_text("my diary\n")

    for _ in range(2):
        done = command("analyze", recordings, "-o", out, "--report", report, "--log-file", log)
        assert done.returncode == 0, done.stderr

    assert report.read_text().startswith("recording,source,status")
    assert log.read_text().startswith("my diary\n20")


def test_a_settings_file_written_by_hand_in_the_output_folder_stays(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "study.toml").write_text("fps = 5\n")

    done = command("analyze", recordings, "-o", out)

    assert done.returncode == 2
    assert "study.toml: exists and was not written by fer-batch" in done.stderr
    assert (out / "study.toml").read_text() == "fps = 5\n"


@pytest.mark.slow
def test_devices_and_pipes_may_be_written_to(recordings: Path, tmp_path: Path) -> None:
    (recordings / "b.png").write_bytes(b"no picture")

    done = command(
        "analyze", recordings, "-o", tmp_path / "out", "--report", "/dev/stdout", "--log-file", "/dev/null", "-q"
    )

    assert done.returncode == 1
    assert done.stdout.startswith("recording,source,status")


def test_a_recording_that_lies_where_a_result_would_is_not_replaced(tmp_path: Path) -> None:
    recording = tmp_path / "annotated" / "a.png"
    recording.parent.mkdir()
    shutil.copy(ASTRONAUT, recording)
    before = recording.read_bytes()

    done = command("analyze", recording, "-o", tmp_path)

    assert done.returncode == 2
    assert "would replace the recording" in done.stderr
    assert recording.read_bytes() == before


@pytest.mark.slow
def test_the_folder_of_the_recordings_may_hold_the_results(recordings: Path) -> None:
    for _ in range(2):
        done = command("analyze", ".", "--report", "failures.csv", cwd=recordings)
        assert done.returncode == 0, done.stderr
    assert (recordings / "fer-output" / "recordings" / "a.png.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_figures_tables_and_pages_replace_only_their_own(recordings: Path, tmp_path: Path, form: str) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures"
    fer_batch.analyze(recordings, output=out)
    options = ("report", out, "--figures", figures, "--format", form)
    assert [command(*options).returncode for _ in range(2)] == [0, 0]
    assert command("summary", out).returncode == 0
    foreign = [figures / f"study.{form}", out / "summary" / "tracks.csv", out / "report" / "index.html"]
    for path in foreign:
        path.write_text("by hand")

    assert command(*options).returncode == 2
    (out / "report" / "index.html").unlink()
    refused = command(*options)
    assert "--figures" in refused.stderr
    assert "tracks.csv: exists" in command("summary", out).stderr
    assert [path.read_text() for path in foreign[:2]] == ["by hand"] * 2


@pytest.mark.slow
def test_private_results_can_be_read_by_nobody_else(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = os.umask(0o022)
    try:
        assert command("analyze", recordings, "-o", out, "--private").returncode == 0
        modes = {stat.S_IMODE(path.lstat().st_mode) for path in [out, *out.rglob("*")]}
        assert modes == {0o600, 0o700}

        fer_batch.analyze(recordings, output=tmp_path / "two", private=True)
        modes = {stat.S_IMODE(path.lstat().st_mode) for path in [tmp_path / "two", *(tmp_path / "two").rglob("*")]}
        assert modes == {0o600, 0o700}
        fer_batch.analyze(recordings, output=tmp_path / "open")
        assert stat.S_IMODE((tmp_path / "open" / "recordings" / "a.png.json").stat().st_mode) == 0o644
    finally:
        os.umask(before)
