"""One run at a time writes to a folder, and a lock ends with the process that holds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fer_batch.errors import OutputError
from fer_batch.filesystem import lock
from fer_batch.filesystem.lock import is_held, only_run

HOLDER = """
import sys
from pathlib import Path
from fer_batch.filesystem.lock import only_run
with only_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.1)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_held(tmp_path)
        with pytest.raises(OutputError, match=rf"another run is writing there \(process {holder.pid}, since"):
            only_run(tmp_path).__enter__()
    finally:
        holder.kill()
        holder.communicate()
    with only_run(tmp_path):
        assert is_held(tmp_path)


def test_a_folder_that_only_the_lock_made_goes_with_it(tmp_path: Path) -> None:
    with only_run(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()
    assert list(tmp_path.iterdir()) == []
