"""A program that embeds fer_batch sees its records by the usual means, without secrets, and nothing that it did not ask
for.
"""

from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ASTRONAUT

from fer_batch.cli.display.log_file import LogFileHandler, handled, terminal_log
from fer_batch.cli.main import run as cli
from fer_batch.utils.logs import RecordSender, get_logger, masked

LOG = get_logger("fer_batch.live.test")
ADDRESS = "rtsp://me:s3/cr%40et@camera/1?token=s3cret"

PROGRAM = """
import logging, sys
import fer_batch

class Collect(logging.Handler):
    def emit(self, record):
        print(record.levelname, record.name, record.getMessage().partition(" ")[2][:60])

if sys.argv[3] == "seen":
    logging.getLogger("fer_batch").addHandler(Collect())
    logging.getLogger("fer_batch").setLevel(logging.INFO)
elif sys.argv[3] == "silenced":
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("fer_batch").setLevel(logging.CRITICAL)
fer_batch.analyze(sys.argv[1], output=sys.argv[2], workers=int(sys.argv[4]))
"""


def run(tmp_path: Path, mode: str, workers: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(ASTRONAUT), str(tmp_path / "out"), mode, str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("workers", [1, 2])
def test_a_program_sees_records_of_all_processes_with_names_and_levels(tmp_path: Path, workers: int) -> None:
    done = run(tmp_path, "seen", workers)
    lines = done.stdout.splitlines()
    assert any(line.startswith("INFO fer_batch.batch.event_log") and "astronaut.png: begins" in line for line in lines)
    assert any(line.startswith("INFO fer_batch.batch.event_log") and "astronaut.png: done in" in line for line in lines)
    assert any(line.startswith("INFO fer_batch.classification.classifier") for line in lines), "also of a worker"
    assert done.stderr == ""


@pytest.mark.parametrize("mode", ["unasked", "silenced"])
def test_nothing_is_printed_unasked(tmp_path: Path, mode: str) -> None:
    done = run(tmp_path, mode, 2)
    assert done.stdout == ""
    assert "fer_batch" not in done.stderr


def test_a_log_file_has_the_records_of_workers(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    arguments = ["analyze", ASTRONAUT, "-o", tmp_path / "out", "--log-file", log, "-q"]
    command = [sys.executable, "-m", "fer_batch", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert "INFO fer_batch.classification.classifier: emotion model" in log.read_text()


@pytest.mark.parametrize("arguments", [["--verbose", "models"], ["-v", "models"], ["models", "--verbose"]])
def test_verbose_may_stand_where_it_is_no_value(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli([*arguments, "--json"]) == 0
    assert cli(["analyze", "missing.mp4", "-o", "-v"]) == 2
    assert "missing.mp4: no such file" in capsys.readouterr().err


def test_a_wrong_argument_of_a_record_ends_nothing() -> None:
    records: list[logging.LogRecord] = []
    with handled(RecordSender(records.append), logging.DEBUG):
        LOG.warning("%d faces in %s", "x", ADDRESS)
    assert "faces" in records[0].getMessage()
    assert "s3" not in records[0].getMessage()


def test_names_of_files_do_not_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal_log(logging.INFO):
        LOG.info("%s", "a\x1b[31m.mp4")
    assert "a\\x1b[31m.mp4" in capsys.readouterr().err


def test_secrets_are_masked_for_every_handler(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records: list[logging.LogRecord] = []
    stream = io.StringIO()
    path = tmp_path / "run.log"
    with (
        handled(LogFileHandler(path, pytest.fail), logging.DEBUG),
        handled(RecordSender(records.append), logging.DEBUG),
        handled(logging.StreamHandler(stream), logging.DEBUG),
        terminal_log(logging.DEBUG),
    ):
        LOG.warning("%s is lost", ADDRESS)
        try:
            raise OSError(f"cannot open {ADDRESS}")
        except OSError:
            LOG.exception("it failed")
    sent = pickle.dumps(records)
    for text in (path.read_text(), stream.getvalue(), capsys.readouterr().err, repr(sent)):
        assert "camera/1" in text
        assert "OSError: cannot open" in text
        assert "s3" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://me:secret@camera/1?key=2 is lost", "rtsp://...@camera/1?... is lost"),
        ("rtsp://camera/1: nothing answers there", "rtsp://camera/1: nothing answers there"),
        ("see https://example.org/a?b.", "see https://example.org/a?..."),
        ("a.mp4: me@home", "a.mp4: me@home"),
        ("http://camera/user=admin&password=x&channel=1", "http://camera/user=...&password=...&channel=1"),
        ("rtsp://me:se'cr et@camera/1 is lost", "rtsp://...@camera/1 is lost"),
        ("'rtsp://me:secret@camera/1'", "'rtsp://...@camera/1'"),
    ],
)
def test_masks(text: str, expected: str) -> None:
    assert masked(text) == expected
