"""A log that cannot be written any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_batch.batch.messages import LogMessage
from fer_batch.cli.display.log_file import LogFile


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_ends_the_log_and_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "log.txt").symlink_to("/dev/full")
    said: list[str] = []
    with LogFile(tmp_path / "log.txt", said.append) as log:
        log(LogMessage(1, "one"))
        log(LogMessage(1, "two"))
    (sentence,) = said
    assert "log.txt: cannot be written any more" in sentence
