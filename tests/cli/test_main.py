"""What the console script does when something is wrong: one sentence, an exit status, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.clips import clip, cut, ffmpeg
from helpers.paths import EXAMPLE

SCRIPT = Path(sys.executable).parent / "fer-batch"
X264 = ("-c:v", "libx264", "-preset", "ultrafast")

Said = subprocess.CompletedProcess[str]


def finished(stdout: str) -> list[dict[str, Any]]:
    """What ``--json`` tells about the recordings, in the order of their ids."""
    events = [json.loads(line) for line in stdout.splitlines()]
    return sorted((each for each in events if each["event"] in {"finished", "kept"}), key=lambda each: str(each["id"]))


def fer_batch(*arguments: str | Path, cwd: Path | None = None, limit: Callable[[], None] | None = None) -> Said:
    """Runs the console script as a script would, without a terminal."""
    assert SCRIPT.is_file(), "install the package first: pip install -e ."
    command = [str(SCRIPT), *map(str, arguments)]
    environment = {**os.environ, "CI": "true", "COLUMNS": "200"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
        timeout=120,
        preexec_fn=limit,
    )


def one_error(said: Said, status: int = 2) -> str:
    """The one sentence on stderr."""
    assert said.returncode == status, said.stderr
    lines = said.stderr.splitlines()
    assert len(lines) == 1, said.stderr
    assert lines[0].startswith("Error: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in said.stdout + said.stderr
    assert "should not happen" not in said.stderr
    return lines[0]


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too, with its checksum."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module", name="good")
def a_good_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of the woman of the example."""
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    ffmpeg("-i", EXAMPLE, "-frames:v", "10", "-an", "-vf", "scale=320:-2", *X264, path)
    return path


class TestUnreadableInput:
    @pytest.mark.slow
    def test_that_is_missing_or_holds_nothing_is_told_before_anything_is_made(self, tmp_path: Path) -> None:
        assert "no such file or folder" in one_error(fer_batch("analyze", "missing.mp4", cwd=tmp_path))
        assert "no video or photo matches" in one_error(fer_batch("analyze", "*.mp4", cwd=tmp_path))
        assert "holds no video or photo" in one_error(fer_batch("analyze", ".", cwd=tmp_path))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "kind", ["cut", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("text", "empty", "sound", "photo"))]
    )
    def test_is_told_with_its_name_and_recorded_as_failed(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / ("bad.jpg" if kind == "photo" else "bad.mp4")
        match kind:
            case "text" | "photo":
                path.write_text("This is only text.\n" * 20)
            case "empty":
                path.touch()
            case "cut":
                cut(clip(tmp_path / "whole.mp4", *X264), path, 0.6)
            case "sound":
                ffmpeg("-f", "lavfi", "-i", "sine=d=1", path)
        said = fer_batch("analyze", path, "-o", tmp_path / "out")
        sentence = one_error(said)
        assert sentence.startswith(f"Error: {path}: ")
        assert list(contents(tmp_path / "out")) == [f"recordings/{path.name}.json"]
        record = json.loads((tmp_path / "out" / "recordings" / f"{path.name}.json").read_text())
        assert record["status"] == "failed"
        assert sentence == f"Error: {record['error']}"

    @pytest.mark.slow
    def test_in_a_folder_does_not_keep_the_good_from_being_done(self, tmp_path: Path, good: Path) -> None:
        study = tmp_path / "study"
        (study / "sub").mkdir(parents=True)
        (study / "a bad one.mp4").write_text("text")
        (study / "photo.bmp").write_bytes(b"BM")
        (study / "sub" / "good.mp4").write_bytes(good.read_bytes())
        cut(clip(tmp_path / "whole.mp4", *X264, "-movflags", "+faststart"), study / "cut.mp4", 0.6)
        said = fer_batch("analyze", study, "-o", tmp_path / "out", "--no-video", "--quiet")
        assert said.returncode == 1
        assert said.stdout == ""
        lines = said.stderr.splitlines()
        errors = [line for line in lines if line.startswith("Error: ")]
        warnings = [line for line in lines if line not in errors]
        assert [name in line for name, line in zip(("a bad one.mp4", "photo.bmp"), errors, strict=True)] == [True] * 2
        assert warnings[0].startswith(f"Warning: {study / 'cut.mp4'}: is cut short")
        assert all("cut.mp4: 1 damaged packet skipped" in line for line in warnings[1:])
        status = {
            path.relative_to(tmp_path / "out" / "recordings").as_posix(): json.loads(path.read_text())["status"]
            for path in (tmp_path / "out" / "recordings").rglob("*.json")
        }
        assert status == {
            "a bad one.mp4.json": "failed",
            "photo.bmp.json": "failed",
            "cut.mp4.json": "partial",
            "sub/good.mp4.json": "done",
        }

    @pytest.mark.slow
    def test_does_not_replace_what_it_gave_when_it_could_be_read(self, tmp_path: Path, good: Path) -> None:
        path, out = tmp_path / "clip.mp4", tmp_path / "out"
        path.write_bytes(good.read_bytes())
        assert fer_batch("analyze", path, "-o", out, "--no-video").returncode == 0
        before = contents(out)
        path.write_bytes(b"")
        assert "empty" in one_error(fer_batch("analyze", path, "-o", out, "--no-video", "--overwrite"))
        assert contents(out) == before

    @pytest.mark.slow
    def test_of_probe_is_told_beside_what_can_be_read(self, tmp_path: Path, good: Path) -> None:
        text = tmp_path / "text.mp4"
        text.write_text("text")
        both = fer_batch("probe", "--json", text, good)
        assert one_error(both, status=1).startswith(f"Error: {text}: ")
        assert json.loads(both.stdout)["file"] == str(good)
        assert one_error(fer_batch("probe", text)).startswith(f"Error: {text}: ")


class TestOutput:
    @pytest.mark.slow
    def test_that_exists_is_kept_byte_for_byte_unless_overwritten(self, tmp_path: Path, good: Path) -> None:
        out = tmp_path / "out"
        first = fer_batch("analyze", good, "-o", out, "--format", "both")
        assert first.returncode == 0, first.stderr
        assert set(contents(out)) == {
            "annotated/good.mp4",
            "csv/good.mp4.csv",
            "episodes/recording=good.mp4/part-00000.parquet",
            "recordings/good.mp4.json",
            "study.toml",
            "timelines/recording=good.mp4/part-00000.parquet",
            "tracks/recording=good.mp4/part-00000.parquet",
        }
        before = contents(out)
        repeated = fer_batch("analyze", good, "-o", out)
        assert repeated.returncode == 0
        assert "done already, kept (--overwrite does it again)" in repeated.stderr
        assert contents(out) == before

        text = tmp_path / "text.mp4"
        text.write_text("text")
        added = fer_batch("analyze", good, text, "-o", out)
        assert added.returncode == 1, "one is done already, the other failed"
        assert {name: sha for name, sha in contents(out).items() if "text" not in name} == before
        kept, failed = finished(fer_batch("analyze", good, text, "-o", out, "--json").stdout)
        assert (kept["id"], kept["status"], len(kept["tracks"])) == ("good.mp4", "done", 1)
        assert str(out / "csv" / "good.mp4.csv") in kept["files"]
        assert failed["status"] == "failed"
        otherwise = fer_batch("analyze", good, "-o", out, "--every", "2")
        assert "made with other settings (every), which will be replaced" in otherwise.stderr
        assert json.loads((out / "recordings" / "good.mp4.json").read_text())["counts"]["frames_analysed"] == 5

        again = fer_batch("analyze", good, "-o", out, "--overwrite", "--no-video")
        assert again.returncode == 0
        assert not (out / "annotated" / "good.mp4").exists(), "all of the earlier run is replaced"

    def test_path_that_is_a_file_is_told_and_left_alone(self, tmp_path: Path, good: Path) -> None:
        file = tmp_path / "file"
        file.write_text("precious")
        for out in (file, file / "below"):
            assert "is a file, not a folder" in one_error(fer_batch("analyze", good, "-o", out))
        assert file.read_text() == "precious"

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_folder_that_may_not_be_written_is_told(self, tmp_path: Path, good: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            assert "cannot be written" in one_error(fer_batch("analyze", good, "-o", tmp_path / "out"))
        finally:
            tmp_path.chmod(0o700)

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where nobody may write")
    def test_place_where_nobody_may_write_is_told(self, good: Path) -> None:
        assert "cannot be written" in one_error(fer_batch("analyze", good, "-o", "/proc/self/out"))

    @pytest.mark.slow
    @pytest.mark.skipif(os.name == "nt", reason="needs limits on the size of files")
    @pytest.mark.parametrize("options", [(), ("--no-video",), ("--no-video", "--format", "csv")])
    def test_that_the_disk_has_no_room_for_leaves_nothing_half_written(
        self, tmp_path: Path, good: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What a measurement of coverage writes would not fit either.
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

        def limit() -> None:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

        sentence = one_error(fer_batch("analyze", good, "-o", tmp_path / "out", *options, limit=limit))
        assert "cannot be written" in sentence
        assert set(contents(tmp_path / "out")) <= {"study.toml"}


class TestModels:
    @pytest.mark.parametrize(
        ("model", "reason"),
        [("emotion-gray47", "emotion-gray48"), ("missing.onnx", "no such model file"), ("text.onnx", "text.onnx: ")],
    )
    def test_that_cannot_be_used_are_told(self, tmp_path: Path, good: Path, model: str, reason: str) -> None:
        (tmp_path / "text.onnx").write_text("This is no network.")
        sentence = one_error(fer_batch("analyze", good, "--model", model, "-o", "out", cwd=tmp_path))
        assert reason in sentence
        assert not (tmp_path / "out").exists()

    def test_that_were_altered_are_refused(self, tmp_path: Path, good: Path) -> None:
        from fer_batch.inference.registry import models_folder

        copies = tmp_path / "models"
        copies.mkdir()
        for path in models_folder().iterdir():
            if path.is_file():
                (copies / path.name).write_bytes(path.read_bytes())
        weights = copies / "emotion_gray48.onnx"
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 1
        weights.write_bytes(data)
        program = (
            "import sys, pathlib, fer_batch.inference.registry as models\n"
            f"models.models_folder = lambda: pathlib.Path({str(copies)!r})\n"
            "from fer_batch.cli.main import main\nmain()"
        )
        command = [sys.executable, "-c", program, "analyze", str(good), "-o", str(tmp_path / "out")]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "checksum differs" in one_error(said)
        assert not (tmp_path / "out").exists()


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("analyze", "INPUT"),
            ("analyse clip.mp4", "analyze"),
            ("analyze clip.mp4 --evry 3", "--every"),
            ("analyze clip.mp4 --detector wide", "short"),
            ("analyze clip.mp4 --format xlsx", "parquet"),
            ("analyze clip.mp4 --every x", "--every"),
            ("analyze clip.mp4 --every 0", "--every"),
            ("analyze clip.mp4 --every 2 --fps 5", "--fps"),
            ("analyze clip.mp4 --fps 0", "--fps"),
            ("analyze clip.mp4 --fps nan", "--fps"),
            ("analyze clip.mp4 --start soon", "--start"),
            ("analyze clip.mp4 --start 1:75", "--start"),
            ("analyze clip.mp4 --start=-1", "--start"),
            ("analyze clip.mp4 --start 3 --end 2", "--end"),
            ("analyze clip.mp4 --end", "--end"),
            ("analyze clip.mp4 --min-score 2", "--min-score"),
            ("analyze clip.mp4 --batch-size 0", "--batch-size"),
            ("models nothing", "nothing"),
            ("probe", "FILE"),
            ("--nothing", "--nothing"),
            ("analyze clip.mp4 --every 1.5", "give a whole number"),
            ("analyze clip.mp4 --dry-run --json", "clip.mp4"),
            ("models emotion-gray48 --json", "--json: lists models"),
            ("analyze clip.mp4 --end 0", "--end"),
            ("analyze clip.mp4 --min-score 0", "--min-score"),
            ("analyze clip.mp4 --min-face 3", "--min-face 3.0: give a height in pixels, from 12"),
            ("analyze clip.mp4 --min-face inf", "--min-face"),
            (f"analyze clip.mp4 --batch-size {'9' * 401}", "clip.mp4"),
            ("analyze clip.mp4 --max-pixels 0", "--max-pixels 0: give a whole number of pixels"),
            ("analyze clip.mp4 --device gpu", "cuda"),
            ("analyze clip.mp4 --workers 0", "'--workers': give a number from 1 on"),
            ("analyze clip.mp4 --stall-limit 0", "--stall-limit"),
            ("analyze clip.mp4 --model none", "clip.mp4"),
            ("analyze --from list.txt", "list.txt"),
            ("analyze --config study.toml", "study.toml"),
            ("analyze rtsp://me:s3cret@camera/1", "rtsp://camera/1: addresses of streams are not analysed"),
            ("live", "SOURCE"),
            ("live clip.mp4", "no such camera or file"),
            ("live nothing://camera/1", "streams of this kind are not known"),
            ("live rtsp://camera/1 --transport sctp", "tcp"),
            ("live rtsp://camera/1 --retries -1", "--retries"),
            ("live rtsp://camera/1 --duration soon", "--duration"),
            ("live rtsp://camera/1 --max-age 0h", "--max-age"),
            ("live rtsp://camera/1 --connect-timeout 0", "--connect-timeout 0.0: give seconds above 0"),
            ("live rtsp://camera/1 --publish here", "--publish: give an address that begins with"),
            ("live rtsp://camera/1 --preview --listen here", "--listen here: give HOST:PORT"),
            ("live rtsp://camera/1 --events episode --webhook ftp://x", "--webhook: give an address that begins with"),
            ("probe missing.mp4", "missing.mp4: no such file"),
            ("summary missing", "missing"),
            ("report missing", "missing"),
            ("evaluate missing", "missing"),
            ("bench missing.mp4", "missing.mp4"),
            ("app --listen here", "--listen here: give a host and a port"),
            ("app --max-upload 0", "--max-upload"),
        ],
    )
    def test_is_one_sentence_that_names_it(self, tmp_path: Path, arguments: str, said: str) -> None:
        sentence = one_error(fer_batch(*arguments.split(), cwd=tmp_path))
        assert said in sentence
        assert list(tmp_path.iterdir()) == []

    def test_that_chooses_no_frame_is_told(self, tmp_path: Path, good: Path) -> None:
        said = fer_batch("analyze", good, "--start", "1:00:00", "-o", tmp_path / "out")
        assert "none of its frames is chosen" in one_error(said)
        assert list(contents(tmp_path / "out")) == ["recordings/good.mp4.json"]

    def test_without_a_command_gives_help(self) -> None:
        said = fer_batch()
        assert said.returncode == 2
        assert said.stdout.startswith("Usage: ")
        assert said.stderr == ""

    def test_debug_shows_where_and_ends_as_without_it(self) -> None:
        said = fer_batch("analyze", "missing.mp4", "--fps", "0", "--debug")
        assert said.returncode == 2
        assert "Traceback" in said.stderr
        assert said.stderr.splitlines()[-1] == "Error: --fps 0.0: give a number above 0."


class TestPipes:
    @pytest.mark.parametrize("command", ["models", "analyze --help", "probe --json"])
    def test_that_are_read_no_longer_end_the_command_silently(self, command: str, good: Path) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        arguments = [str(SCRIPT), *command.split(), *([str(good)] if "probe" in command else [])]
        said = subprocess.run(arguments, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        assert (said.returncode, said.stderr) == (0, "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
    def test_that_cannot_be_written_are_told(self) -> None:
        with Path("/dev/full").open("w") as full:
            said = subprocess.run([str(SCRIPT), "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (said.returncode, said.stderr.count("\n")) == (2, 1)
        assert said.stderr.startswith("Error: ")

    def test_of_json_hold_nothing_else(self, tmp_path: Path, good: Path) -> None:
        text = tmp_path / "Ünreadable ☹.mp4"
        text.write_text("text")
        said = fer_batch("analyze", good, text, "-o", tmp_path / "out", "--no-video", "--json")
        assert said.returncode == 1
        good_one, other = finished(said.stdout)
        assert (good_one["id"], good_one["status"]) == ("good.mp4", "done")
        assert (other["id"], other["status"]) == (text.name, "failed")
        assert said.stderr.splitlines() == [f"Error: {other['error']}"]

    def test_of_an_old_encoding_take_every_name(self, tmp_path: Path) -> None:
        video = clip(tmp_path / "日本.mp4", *X264)
        environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
        command = [str(SCRIPT), "probe", str(video)]
        said = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert said.returncode == 0, said.stderr
        assert b"96" in said.stdout
