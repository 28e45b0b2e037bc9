"""An output folder that was unpacked, shared or damaged costs one recording at most, and nothing outside of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.paths import ASTRONAUT, EXAMPLE

import fer_batch
from fer_batch.batch.plan import plan
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import InputError, OutputError
from fer_batch.filesystem.lock import only_run
from fer_batch.filesystem.temporary import remove_abandoned, temporary_folder
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.checkpoint.store import CheckpointStore
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.results.layout import Layout

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links of POSIX")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder beside the output folder with a file in it: neither is changed, whatever the output folder holds."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    yield folder
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("precious", "precious")]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two photos and their results."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(ASTRONAUT, folder / name)
    fer_batch.analyze(folder, output=tmp_path / "out", format="both")
    return tmp_path


@pytest.mark.parametrize(
    "place",
    [
        "timelines",
        "timelines/recording=a.png",
        "tracks/recording=a.png",
        "csv",
        "recordings",
        "annotated",
        ".unfinished",
    ],
)
def test_a_link_where_a_folder_belongs_is_refused_before_any_work(tmp_path: Path, outside: Path, place: str) -> None:
    shutil.copy(ASTRONAUT, tmp_path / "a.png")
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)

    with pytest.raises(OutputError, match="is a link where a folder of results belongs") as refused:
        fer_batch.analyze(tmp_path / "a.png", output=tmp_path / "out", format="both", video=True)

    assert str(link) in str(refused.value)
    assert "-o" in str(refused.value)


def test_the_output_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    fer_batch.analyze(ASTRONAUT, output=tmp_path / "out")
    assert len(fer_batch.load(tmp_path / "disk")) == 1


@pytest.mark.parametrize("kind", ["link", "hard link"])
def test_a_lock_that_leads_elsewhere_is_refused(tmp_path: Path, outside: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if kind == "link":
        (out / ".lock").symlink_to(outside / "precious")
    else:
        os.link(outside / "precious", out / ".lock")

    with pytest.raises(OutputError, match="leads to another file"), only_run(out):
        pass


@pytest.mark.slow
class TestUnfinishedRecordings:
    """Taken over from a folder that holds nothing but our own files, else moved aside unread."""

    @pytest.fixture(scope="class")
    def engine(self) -> Iterator[Engine]:
        with Engine(Settings(), threads=2) as engine:
            yield engine

    @pytest.fixture
    def begun(self, engine: Engine, tmp_path: Path) -> CheckpointStore:
        """What is left of a recording that was broken off."""
        stop = Event()
        unfinished = CheckpointStore(Layout(tmp_path / "out"), EXAMPLE.name)

        def watch(_: object) -> None:
            if unfinished.last() is not None:
                stop.set()

        outputs = Outputs(tmp_path / "out", "csv", video=False)
        recording = Recording(EXAMPLE.name, EXAMPLE)
        analyze_recording(engine, recording, Selection(end_s=6), outputs, watch, stop, commit_s=0.1)
        assert unfinished.last() is not None
        return unfinished

    @pytest.mark.parametrize("damage", ["link to it", "link in it", "hard link in it", "foreign file", "folder in it"])
    def test_what_is_not_ours_is_moved_aside(
        self, engine: Engine, begun: CheckpointStore, tmp_path: Path, outside: Path, damage: str
    ) -> None:
        if damage == "link to it":
            shutil.rmtree(begun.folder)
            begun.folder.symlink_to(outside)
        elif damage == "link in it":
            (begun.folder / "state-99999.bin").symlink_to(outside / "precious")
        elif damage == "hard link in it":
            os.link(outside / "precious", begun.folder / "state-99999.bin")
        elif damage == "foreign file":
            (begun.folder / "letter.txt").write_text("dear")
        else:
            (begun.folder / "sub").mkdir()
        assert begun.last() is None

        outputs = Outputs(tmp_path / "out", "csv", video=False)
        selection = Selection(end_s=0.5)
        done = analyze_recording(engine, Recording(EXAMPLE.name, EXAMPLE), selection, outputs)

        assert done.record.status == "done"
        assert len(list((tmp_path / "out" / ".unfinished").glob(".not-ours-*"))) == 1

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"number": "z"}', "{}", "\0"])
    def test_a_commit_that_cannot_be_read_does_not_count(self, begun: CheckpointStore, text: str) -> None:
        (begun.folder / "commit.json").write_text(text)
        assert begun.last() is None

    def test_files_that_a_kill_left_beside_a_commit_do_not_matter(self, begun: CheckpointStore) -> None:
        (begun.folder / "csv-00099.csv").write_text("half")
        assert begun.last() is not None
        begun.clean(begun.last().sizes)  # type: ignore[union-attr]
        assert not (begun.folder / "csv-00099.csv").exists()


FORGERIES = {
    "half a character": '"error": "\\ud800"',
    "huge": '"counts": {"rows": 1000000000000000000000000000000}',
    "infinite": '"probe": {"duration_s": Infinity}',
    "NUL": '"source": "a\\u0000b"',
    "far away": '"finished_at": "9999-12-31T23:59:59-23:59"',
    "unhashable": '"settings": {"persons": []}',
    "id": '"id": 5',
    "counts": '"counts": {"rows": "z"}',
    "files": '"files": [{}]',
    "live": '"live": 7',
    "status": '"status": "fine"',
    "probe": '"probe": {"size_bytes": []}',
    "settings": '"settings": {"selection": {"fps": "x"}}',
    "source": '"source": null',
}


@pytest.mark.parametrize("key", [*FORGERIES, "nested", "another's", "not JSON"])
def test_a_damaged_document_costs_its_recording_alone(study: Path, key: str) -> None:
    out = study / "out"
    document = out / "recordings" / "a.png.json"
    values = json.loads(document.read_text())
    if key == "nested":
        document.write_text("[" * 100_000)
    elif key == "another's":
        document.write_text(json.dumps({**values, "id": "../../b.png"}))
    elif key == "not JSON":
        document.write_text("}")
    else:
        document.write_text(json.dumps(values | json.loads(f"{{{FORGERIES[key]}}}")))

    found = fer_batch.recordings(out)
    assert found["status"].to_list() == ["unreadable", "done"]
    planned = plan([study / "in"], Outputs(out, "both", video=False), Settings(), Selection())
    assert [task.recording.id for task in planned.tasks] == ["a.png"]
    assert fer_batch.summary(out).recordings["status"].to_list() == ["unreadable", "done"]
    fer_batch.analyze(study / "in", output=out, format="both")
    assert fer_batch.recordings(out)["status"].to_list() == ["done", "done"]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["timelines", "tracks", "episodes"])
@pytest.mark.parametrize("damage", ["cut", "other rows", "footer"])
def test_a_damaged_table_costs_its_recording_alone(study: Path, table: str, damage: str) -> None:
    out = study / "out"
    part = out / table / "recording=a.png" / "part-00000.parquet"
    whole = part.read_bytes()
    if damage == "cut":
        part.write_bytes(whole[:-20])
    elif damage == "footer":
        part.write_bytes(whole[:-40] + bytes(32) + whole[-8:])
    else:
        rows = pq.ParquetFile(part).read()
        pq.write_table(rows.slice(0, 0) if rows.num_rows else pd_rows(rows), part)
    readers: dict[str, Any] = {
        "timelines": fer_batch.load,
        "tracks": fer_batch.tracks,
        "episodes": fer_batch.episodes,
    }

    with pytest.warns(fer_batch.FerBatchWarning, match=r"recording=a\.png.*left out") as warned:
        rest = readers[table](out)
    assert set(rest["recording"]) == ({"b.png"} if table != "episodes" else set()), "a photo has no episodes"
    assert len(warned) == 1
    if table == "timelines":
        with pytest.warns(fer_batch.FerBatchWarning, match="left out"):
            assert fer_batch.dataset(out).to_table()["recording"].to_pylist() == ["b.png"]
        with pytest.warns(fer_batch.FerBatchWarning, match="left out"):
            assert set(fer_batch.resample(out, 1)["recording"]) == {"b.png"}
        for name in ("summary", "report"):
            done = subprocess.run(
                [sys.executable, "-m", "fer_batch", name, out], capture_output=True, text=True, check=False
            )
            assert done.returncode == 1, done.stderr
            assert "recording=a.png" in done.stderr
            assert "b.png" in done.stdout or name == "report"
        with pytest.raises(InputError, match=r"recording=a\.png"):
            fer_batch.load(out, recordings=["a.png"])
    before = (out / "recordings" / "b.png.json").read_bytes()

    fer_batch.analyze(study / "in", output=out, format="both")

    assert part.stat().st_size == len(whole)
    assert (out / "recordings" / "b.png.json").read_bytes() == before, "kept"


def pd_rows(table: object) -> object:
    """The table with a row more than none."""
    import pyarrow as pa

    schema = table.schema  # type: ignore[attr-defined]
    return pa.Table.from_pylist([{}], schema=pa.schema([field.with_nullable(True) for field in schema]))


def test_a_forged_document_takes_no_others_annotated_copy(study: Path) -> None:
    out = study / "out"
    fer_batch.analyze(study / "in", output=out, format="both", video=True)
    document, other = out / "recordings" / "a.png.json", out / "annotated" / "b.png"
    values = json.loads(document.read_text())
    document.write_text(json.dumps({**values, "files": ["annotated/b.png"], "status": "partial", "retry": True}))
    before = other.stat()

    fer_batch.analyze(study / "in", output=out, format="both", video=True)

    assert (other.stat().st_ino, other.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (out / "annotated" / "a.png").is_file()


def test_a_pipe_in_place_of_a_document_or_table_is_not_waited_for(study: Path) -> None:
    out = study / "out"
    for path in (out / "recordings" / "a.png.json", out / "timelines" / "recording=a.png" / "part-00000.parquet"):
        path.unlink()
        os.mkfifo(path)
    with pytest.warns(fer_batch.FerBatchWarning, match="left out"):
        assert set(fer_batch.load(out)["recording"]) == {"b.png"}
    assert fer_batch.recordings(out)["status"].to_list() == ["unreadable", "done"]


def test_junk_beside_a_table_hides_no_recording(study: Path) -> None:
    out = study / "out"
    before = fer_batch.load(out)
    part = out / "timelines" / "recording=a.png" / "part-00000.parquet"
    shutil.copy(part, part.with_name("part-00001.parquet"))
    shutil.copytree(part.parent, part.parent.with_name("recording=a%2Epng"))
    shutil.copy(out / "recordings" / "a.png.json", out / "recordings" / "a%2Epng.json")

    pd.testing.assert_frame_equal(fer_batch.load(out), before)
    assert fer_batch.recordings(out)["recording"].to_list() == ["a.png", "b.png"]


def test_a_log_in_the_output_folder_is_not_written_through_a_link(study: Path, outside: Path) -> None:
    (study / "out" / "run.log").symlink_to(outside / "precious")
    options: list[Any] = ["analyze", study / "in", "-o", study / "out", "--log-file", study / "out" / "run.log"]
    done = subprocess.run([sys.executable, "-m", "fer_batch", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "leads to another file" in done.stderr


@pytest.mark.parametrize("live", [True, False], ids=["no document", "a document that is not live"])
def test_parts_of_a_camera_are_never_analysed_over(tmp_path: Path, live: bool) -> None:
    shutil.copy(ASTRONAUT, tmp_path / "door.png")
    if not live:
        fer_batch.analyze(tmp_path / "door.png", output=tmp_path / "out")
    part = tmp_path / "out" / "timelines" / "recording=door.png" / "part-00000003.parquet"
    part.parent.mkdir(parents=True, exist_ok=True)
    fer_batch.analyze(ASTRONAUT, output=tmp_path / "other")
    shutil.copy(next((tmp_path / "other").glob("timelines/*/*.parquet")), part)

    with pytest.raises(InputError, match="holds a live recording of this name"):
        fer_batch.analyze(tmp_path / "door.png", output=tmp_path / "out", overwrite=True)


def test_temporary_folders_that_a_kill_left_are_removed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import sys, tempfile, time; tempfile.tempdir = sys.argv[1]\n"
        "from fer_batch.filesystem.temporary import temporary_folder\n"
        "with temporary_folder('bench') as folder: print(folder, flush=True); time.sleep(60)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    assert left.is_dir()
    study = tmp_path / "fer-batch-study"
    study.mkdir()
    (study / ".lock").touch()
    with temporary_folder("dry-run") as used:
        assert left.is_dir(), "in use"
        killed.kill()
        killed.wait()
        remove_abandoned()
        assert used.is_dir()
        assert not left.exists()
    assert not used.exists()
    assert (study / ".lock").exists(), "an output folder of such a name"
