"""Annotated copies: every recording's has a path of its own, and keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

from fer_batch.batch.annotated_paths import annotated_paths
from fer_batch.inputs.discovery import Recording, find_recordings
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord


def copies(out: Path, *ids: str) -> dict[str, str]:
    """The copies' names, which must not depend on the order of the recordings."""
    layout = Layout(out)
    found = [annotated_paths([Recording(name, Path(name)) for name in order], layout) for order in permutations(ids)]
    assert all(other == found[0] for other in found)
    assert len(set(found[0].values())) == len(ids)
    return {name: path.relative_to(out / "annotated").as_posix() for name, path in found[0].items()}


def done(out: Path, name: str, copy: str | None) -> None:
    now = datetime.now(UTC)
    files = [f"timelines/recording={name}", *([f"annotated/{copy}"] if copy else [])]
    RecordingRecord(name, name, "done", now, now, files=files).write(Layout(out).record(name))
    if copy:
        path = out / "annotated" / copy
        path.parent.mkdir(exist_ok=True)
        path.touch()


def test_videos_that_differ_in_their_suffix_get_copies_of_their_whole_names(tmp_path: Path) -> None:
    assert copies(tmp_path, "x.mov", "sub/x.mp4", "y.avi") == {
        "x.mov": "x.mp4",
        "sub/x.mp4": "sub/x.mp4",
        "y.avi": "y.mp4",
    }
    assert copies(tmp_path, "x.mov", "x.mp4") == {"x.mov": "x.mov.mp4", "x.mp4": "x.mp4"}
    assert copies(tmp_path, "x.mov", "x.avi") == {"x.mov": "x.mov.mp4", "x.avi": "x.avi.mp4"}
    assert copies(tmp_path, "a.bmp", "a.bmp.png", "a.jpg")["a.bmp.png"] == "a.bmp.png"


def test_a_copy_stays_where_its_document_says_and_the_newcomer_takes_the_longer_name(tmp_path: Path) -> None:
    done(tmp_path, "x.mov", "x.mp4")
    assert copies(tmp_path, "x.mp4") == {"x.mp4": "x.mp4.mp4"}
    assert copies(tmp_path, "x.mp4", "x.mov") == {"x.mp4": "x.mp4.mp4", "x.mov": "x.mp4"}
    done(tmp_path, "x.mp4", "x.mp4.mp4")
    Layout(tmp_path).record("x.mov").unlink()
    assert copies(tmp_path, "x.mp4") == {"x.mp4": "x.mp4.mp4"}
    done(tmp_path, "y.mov", None)
    assert copies(tmp_path, "y.mp4") == {"y.mp4": "y.mp4"}, "without a copy there is none to share a path with"


def test_even_the_longer_name_may_be_another_recordings(tmp_path: Path) -> None:
    found = copies(tmp_path, "x.mov", "x.mp4", "x.mov.mp4")
    assert (found["x.mp4"], found["x.mov.mp4"]) == ("x.mp4", "x.mov.mp4")
    assert found["x.mov"].startswith("x~")
    long = "y" * 230
    assert all(len(name) <= 255 for name in copies(tmp_path, f"{long}.mov", f"{long}.mp4", f"{long}.mov.mp4").values())


def test_copies_of_any_name_are_told_from_recordings(tmp_path: Path) -> None:
    for name, copy in copies(tmp_path, "x.mov", "x.mp4", "x.mov.mp4", "y.avi").items():
        done(tmp_path, name, copy)
    done(tmp_path, "z.mov", None)
    (tmp_path / "annotated" / "z.mp4").touch()
    found = [recording.id for recording in find_recordings([tmp_path])]
    assert found == ["annotated/z.mp4"], "z.mov's document names no copy, so this is somebody's recording"


def test_a_recordings_document_leads_to_no_copy_outside_the_folder(tmp_path: Path) -> None:
    done(tmp_path, "x.mov", None)
    assert Layout(tmp_path).recorded_copy(["annotated/../../x.mp4", "csv/x.csv"]) is None
