"""A run's records in a file, and a file that cannot be written any more."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fer_batch.cli.display.log_file import log_file
from fer_batch.filesystem.overwriting import is_log
from fer_batch.utils.logs import get_logger

LOG = get_logger("fer_batch.test")


def test_records_of_all_levels_are_lines_with_time_level_and_logger(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.log"
    for run in (1, 2):
        with log_file(path, pytest.fail):
            LOG.debug("run %d\nof two \x1b[31m", run)
    assert is_log(path)
    lines = [line.partition(" ")[2] for line in path.read_text().splitlines() if "fer-batch" not in line]
    assert lines == [
        f"DEBUG fer_batch.test: {text}" for text in ("run 1", "of two \\x1b[31m", "run 2", "of two \\x1b[31m")
    ]
    assert not logging.getLogger("fer_batch").isEnabledFor(logging.DEBUG), "all is as it was"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_ends_the_log_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    said: list[str] = []
    with log_file(path, said.append):
        handler = logging.getLogger("fer_batch").handlers[-1]
        assert isinstance(handler, logging.StreamHandler)
        handler.stream.close()
        handler.stream = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - closed by the handler
        LOG.info("one")
        LOG.info("two")
    (sentence,) = said
    assert "log.txt: cannot be written any more" in sentence
