"""Which recordings the names that a user gives stand for, and under which ids."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from fer_batch.batch.annotated_paths import annotated_paths
from fer_batch.errors import InputError
from fer_batch.inputs.discovery import Recording, find_recordings, search_inputs
from fer_batch.results.layout import Layout
from fer_batch.results.record import RecordingRecord
from fer_batch.video.open import open_source


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def record(out: Path, *names: str) -> None:
    """What an analysis writes about recordings."""
    now = datetime.now(UTC)
    for name in names:
        RecordingRecord(name, name, "done", now, now).write(Layout(out).record(name))


def ids(*inputs: str | Path, leave_out: Path | None = None) -> list[str]:
    recordings = find_recordings(inputs, leave_out)
    assert all(recording.path.is_file() and recording.path.is_absolute() for recording in recordings)
    return [recording.id for recording in recordings]


def test_a_file_goes_by_its_name_whatever_its_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "deep/inside/clip.mp4", "no suffix", "notes.txt")
    assert ids(tmp_path / "deep/inside/clip.mp4", tmp_path / "no suffix", tmp_path / "notes.txt") == [
        "clip.mp4",
        "no suffix",
        "notes.txt",
    ]


def test_a_folder_stands_for_all_media_below_it_sorted_but_not_for_hidden_files(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.MOV", "sub/c.jpg", "sub/deep/d.webm")
    touch(tmp_path, ".hidden.mp4", ".cache/e.mp4", "sub/notes.txt", "sub/._b.mp4", "table.csv")
    assert ids(tmp_path) == ["a.MOV", "b.mp4", "sub/c.jpg", "sub/deep/d.webm"]


def test_a_relative_folder_and_its_absolute_name_give_the_same_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "study/day 1/a.mp4")
    monkeypatch.chdir(tmp_path)
    assert ids("study") == ids("./study/") == ids(tmp_path / "study") == ids("other/../study") == ["day 1/a.mp4"]


def test_photos_are_told_by_their_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "a.JPG", "b.mp4", "c.tiff")
    assert [recording.is_photo for recording in find_recordings([tmp_path])] == [True, False, True]


def test_a_pattern_stands_for_the_media_that_it_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a1.mp4", "a2.mp4", "b1.mp4", "a3.txt", "sub/a4.mp4", ".a5.mp4")
    monkeypatch.chdir(tmp_path)
    assert ids("a?.mp4") == ids(tmp_path / "a[12].*") == ["a1.mp4", "a2.mp4"]
    assert ids("**/a*") == ["a1.mp4", "a2.mp4", "sub/a4.mp4"]
    assert ids(tmp_path / "sub/*.mp4", "*1.mp4") == ["a4.mp4", "a1.mp4", "b1.mp4"]
    with pytest.raises(InputError, match="no video or photo matches"):
        ids("z*.mp4")


def test_what_a_pattern_matches_goes_by_its_path_below_the_fixed_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "take [1]*"
    touch(here, "study/a/clip.mp4", "study/b/clip.mp4", "study/b/raw/clip.mp4")
    monkeypatch.chdir(here)
    assert ids("study/*/clip.mp4") == ids(here / "study/*/clip.mp4") == ["a/clip.mp4", "b/clip.mp4"]
    assert ids("study/*/raw/*") == ["b/raw/clip.mp4"]


@pytest.mark.parametrize(
    "name",
    [
        "with spaces and 'quotes'.mp4",
        "Überraschung 日本語 😀.mp4",
        "100 %.mp4",
        "a=b&c.mp4",
        "-rf.mp4",
        "take [1].mp4",
        "what?.mp4",
        "star*.mp4",
        "semi;colon#1.mp4",
        "two\nlines.mp4",
    ],
)
def test_a_real_name_is_no_pattern(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, name, "take 1.mp4")
    monkeypatch.chdir(tmp_path)
    (recording,) = find_recordings([name])
    assert recording.id == name
    assert recording.path == tmp_path / name
    assert name in ids(".")


def test_a_recording_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "sub/b.mp4")
    assert ids(tmp_path, tmp_path / "sub/b.mp4", tmp_path / "*.mp4", tmp_path) == ["a.mp4", "sub/b.mp4"]


def by_id(*inputs: str | Path) -> dict[str, Path]:
    """Where each recording lies, which must not depend on the order of the inputs."""
    found = [{one.id: one.path for one in find_recordings(order)} for order in permutations(inputs)]
    assert all(other == found[0] for other in found)
    return found[0]


def test_recordings_of_one_name_are_told_apart_by_as_many_folders_as_it_takes(tmp_path: Path) -> None:
    touch(tmp_path, "x/s1/clip.mp4", "x/s1/more.mp4", "x/s2/clip.mp4", "y/s2/clip.mp4", "z/x/s1/clip.mp4")
    folders = [tmp_path / name for name in ("x/s1", "x/s2", "y/s2")]
    assert by_id(*folders) == {
        "s1/clip.mp4": tmp_path / "x/s1/clip.mp4",
        "more.mp4": tmp_path / "x/s1/more.mp4",
        "x/s2/clip.mp4": tmp_path / "x/s2/clip.mp4",
        "y/s2/clip.mp4": tmp_path / "y/s2/clip.mp4",
    }
    assert set(by_id(tmp_path / "x/s1/clip.mp4", tmp_path / "y/s2/clip.mp4")) == {"s1/clip.mp4", "s2/clip.mp4"}
    # One that begins as the other's whole name gives more of itself.
    assert set(by_id(tmp_path / "x", tmp_path / "x/s1", tmp_path / "z/x")) == {
        f"{tmp_path.name}/x/s1/clip.mp4",
        "s1/more.mp4",
        "s2/clip.mp4",
        "z/x/s1/clip.mp4",
    }


def test_a_recording_that_two_inputs_name_goes_by_the_longer_id(tmp_path: Path) -> None:
    touch(tmp_path, "study/sub/a.mp4")
    assert set(by_id(tmp_path / "study", tmp_path / "study/sub", tmp_path / "study/sub/a.mp4")) == {"sub/a.mp4"}
    (tmp_path / "link").symlink_to(tmp_path / "study")
    assert by_id(tmp_path / "study", tmp_path / "link") == {"sub/a.mp4": tmp_path / "study/sub/a.mp4"}


def test_what_folders_hold_besides_recordings_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "notes.txt", "sub/table.csv", ".hidden", ".git/config", "out/recordings/a.mp4.json")
    touch(tmp_path, "out/.unfinished/annotated/a.mp4", ".unfinished/b.mp4")
    found = search_inputs([tmp_path], leave_out=tmp_path / "out")
    assert ([one.id for one in found.recordings], found.passed_over) == (["a.mp4"], 2)
    assert search_inputs([tmp_path / "*.*"], leave_out=tmp_path / "out").passed_over == 1


def test_an_id_that_the_output_folder_has_no_room_for_is_shortened(tmp_path: Path) -> None:
    long = "a long folder's name " * 6, "another long name " * 6
    named = ["/".join((*long, "clip.mp4")), "/".join((*long, "clip2.mp4")), "面" * 81 + ".webm", "x" * 250, "short.mp4"]
    touch(tmp_path, *named)
    found = {str(one.path.relative_to(tmp_path)): one.id for one in find_recordings([tmp_path])}
    assert found.pop("short.mp4") == "short.mp4"
    assert "x" * 250 not in found, "it is no recording unless it is named"
    found |= {one.path.name: one.id for one in find_recordings([tmp_path / ("x" * 250)])}
    assert len(set(found.values())) == 4
    for name, short in found.items():
        beginning, mark = short.rsplit("~", 1)
        assert name.startswith(beginning)
        assert len(beginning) > 50
        assert mark[8:] == Path(name).suffix
        layout = Layout(tmp_path / "out")
        for path in (
            layout.timeline(short),
            layout.csv(short),
            layout.record(short),
            *annotated_paths([Recording(short, tmp_path)], layout).values(),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    # Whatever else is in the run.
    assert ids(tmp_path / named[0]) == ["clip.mp4"]
    assert found[named[0]] in ids(tmp_path / "*/*/*.mp4")


def test_a_link_goes_by_its_own_name(tmp_path: Path) -> None:
    touch(tmp_path, "store/5f3c")
    study = tmp_path / "study"
    study.mkdir()
    for name in ("one.jpg", "two.mp4"):
        (study / name).symlink_to(tmp_path / "store/5f3c")
    found = find_recordings([study])
    assert [(recording.id, recording.is_photo) for recording in found] == [("one.jpg", True), ("two.mp4", False)]


def test_linked_folders_are_searched_once_and_never_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.mp4", "study/b.mp4")
    (tmp_path / "study/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "study/round").symlink_to(tmp_path / "study")
    assert ids(tmp_path / "study") == ["b.mp4", "linked/a.mp4"]
    (tmp_path / "other").symlink_to(tmp_path / "study")
    assert ids(tmp_path / "study", tmp_path / "other") == ["b.mp4", "linked/a.mp4"]


class TestTheOutputFolder:
    @pytest.fixture(autouse=True)
    def _study(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        touch(tmp_path, "a.mp4", "sub/b.mp4", "c.tiff", "out/annotated/a.mp4", "out/annotated/sub/b.mp4")
        touch(tmp_path, "out/annotated/c.tiff.png")
        record(tmp_path / "out", "a.mov", "sub/b.mp4", "c.tiff")

    def test_is_not_searched(self) -> None:
        touch(Path(), "out/else.mp4")
        assert ids(".", leave_out=Path("out")) == ["a.mp4", "c.tiff", "sub/b.mp4"]
        assert ids("**/*.mp4", leave_out=Path("out").absolute()) == ["a.mp4", "sub/b.mp4"]

    def test_may_be_among_what_a_shell_makes_of_an_asterisk(self) -> None:
        assert ids("a.mp4", "out", "sub", leave_out=Path("out")) == ["a.mp4", "b.mp4"]
        with pytest.raises(InputError, match="or the output folder alone"):
            ids("out", leave_out=Path("out"))

    def test_may_be_the_folder_of_the_recordings(self) -> None:
        touch(Path(), "annotated/a.mp4")
        record(Path(), "a.mp4")
        assert ids(".", leave_out=Path()) == ["a.mp4", "c.tiff", "sub/b.mp4"]

    def test_of_an_earlier_run_gives_no_annotated_copies(self) -> None:
        assert ids(".", leave_out=Path("out2")) == ["a.mp4", "c.tiff", "sub/b.mp4"]
        assert ids("out/annotated/a.mp4") == ["a.mp4"], "but a file that is named is meant"

    def test_hides_no_folder_that_only_has_a_similar_name(self) -> None:
        touch(Path(), "annotated/c.mp4", "output/d.mp4")
        assert ids(".", leave_out=Path("out")) == ["a.mp4", "annotated/c.mp4", "c.tiff", "output/d.mp4", "sub/b.mp4"]

    def test_hides_no_folders_that_the_user_named_like_its_own(self) -> None:
        """A study with its raw recordings in one folder and somebody's annotations of them in another."""
        touch(Path(), "study/recordings/d.mp4", "study/annotated/d.mp4", "study/annotated/sub/e.mp4")
        Path("study/recordings/d.json").write_text('{"id": "d.mp4", "coder": 2}')
        named = ["annotated/d.mp4", "annotated/sub/e.mp4", "recordings/d.mp4"]
        assert ids("study") == named
        record(Path("study"), "d.avi")
        assert ids("study") == named[1:]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("missing.mp4", "missing.mp4: no such file or folder; check the path."),
        ("empty", "empty: holds no video or photo; give a folder with recordings."),
        ("", "An empty name is given as input; give a file, a folder or a pattern."),
        ("dangling.mp4", "dangling.mp4: no such file or folder; check the path."),
    ],
)
def test_what_does_not_exist_or_holds_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "empty/notes.txt")
    (tmp_path / "dangling.mp4").symlink_to("nowhere")
    with pytest.raises(InputError) as caught:
        ids(given)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("rtsp://user:secret@cam/1", "rtsp://cam/1"),
        ("https://user:sec:r@et@cam:80/live.m3u8?token=secret#secret", "https://cam:80/live.m3u8"),
        ("rtsp://user:se?cret@cam/1", "rtsp://..."),
        (Path("RTSP://user:secret@cam/1"), "RTSP://cam/1"),
    ],
)
def test_addresses_are_refused_without_their_passwords(given: str | Path, shown: str) -> None:
    for reads in (ids, lambda name: open_source(Path(name))):
        with pytest.raises(InputError) as caught:
            reads(given)
        assert str(caught.value) == f"{shown}: addresses of streams are not analysed; give a file."


def test_a_file_in_a_folder_named_like_an_address_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "study:/a.mp4")
    assert ids("study:/a.mp4", "study:/") == ["a.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are Unicode")
def test_what_is_no_unicode_in_a_name_is_percent_encoded_in_its_id(tmp_path: Path) -> None:
    touch(tmp_path, os.fsdecode(b"caf\xe9/caf\xe9.mp4"), "caf\u00e9.mp4", "cafe\u0301.mp4")
    assert ids(tmp_path) == ["cafe\u0301.mp4", "caf\u00e9.mp4", "caf%E9/caf%E9.mp4"]
    touch(tmp_path, "caf%E9/caf%E9.mp4")
    with_both = by_id(tmp_path)
    assert with_both["caf%E9/caf%E9.mp4"] == tmp_path / "caf%E9/caf%E9.mp4", "what a file is called goes first"
    assert len(with_both) == 4
    assert all(name.encode() for name in with_both)


def test_what_is_no_path_is_told() -> None:
    with pytest.raises(InputError, match="one by one"):
        find_recordings([["a.mp4", "b.mp4"]])  # type: ignore[list-item]
    with pytest.raises(InputError, match="No recording is given"):
        find_recordings([])


def test_a_name_that_no_disk_can_hold_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be searched|no such file"):
        ids(tmp_path / ("x" * 300 + ".mp4"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_searched_is_not_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "locked/b.mp4")
    (tmp_path / "locked").chmod(0)
    try:
        with pytest.raises(InputError, match="locked: cannot be searched"):
            ids(tmp_path)
    finally:
        (tmp_path / "locked").chmod(0o700)
