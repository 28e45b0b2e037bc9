"""A file is the former one or the new one at any moment, and what fails says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_batch.errors import OutputError
from fer_batch.filesystem.atomic import PendingFile, Rollback, leftovers, whole


def test_a_file_appears_when_it_is_published_and_hides_until_then(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "table.parquet"
    pending = PendingFile(path)
    pending.temporary.write_text("new")
    assert pending.temporary.name.startswith(".")
    assert pending.temporary.suffix == ".parquet"
    assert not path.exists()
    pending.publish()
    assert path.read_text() == "new"
    assert leftovers(path) == []


def test_an_exception_leaves_the_former_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("former")

    def fail() -> None:
        with whole(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_files_replaced_together_are_put_back_together(tmp_path: Path) -> None:
    replaced, new = tmp_path / "a.json", tmp_path / "b.json"
    replaced.write_text("former")

    def fail() -> None:
        with Rollback() as rollback:
            rollback.protect([replaced, new])
            for path in (replaced, new):
                with whole(path) as temporary:
                    temporary.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert replaced.read_text() == "former"
    assert list(tmp_path.iterdir()) == [replaced]


def test_a_file_where_a_folder_is_needed_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "timelines").write_text("mine")
    with pytest.raises(OutputError, match="a file stands where a folder is needed, move it") as error:
        PendingFile(tmp_path / "timelines" / "table.parquet")
    assert str(tmp_path / "timelines" / "table.parquet") in str(error.value)
    assert (tmp_path / "timelines").read_text() == "mine"
