"""Lists of inputs, in files and on standard input."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from fer_batch.errors import InputError
from fer_batch.inputs.discovery import find_recordings
from fer_batch.inputs.file_lists import read_list, with_lists


@pytest.fixture(autouse=True, name="here")
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(data: bytes) -> list[str]:
    Path("list.txt").write_bytes(data)
    from_file = [os.fspath(one) for one in with_lists([], ["list.txt"])]
    assert [os.fspath(one) for one in with_lists(["-"], stdin=io.BytesIO(data))] == from_file
    assert [os.fspath(one) for one in with_lists([], ["-"], stdin=io.BytesIO(data))] == from_file
    return from_file


def test_a_list_has_one_path_a_line() -> None:
    names = ["a.mp4", " with spaces ", "'quoted'", "Ärger 面.mp4", "a=b%20.mp4", "take #2.mp4", "line\u2028and\x0b.mp4"]
    text = "\n".join(["# a comment", names[0], "", "  ", *names[1:]])
    assert named(text.encode()) == names
    assert named(text.replace("\n", "\r\n").encode("utf-8-sig")) == names
    assert named(text.encode("utf-16")) == names


def test_a_list_parted_by_nul_has_any_names_as_find_prints_them() -> None:
    assert named(b"./a.mp4\0# no comment\n.mp4\0\xff.mp4\0") == [
        "./a.mp4",
        "# no comment\n.mp4",
        os.fsdecode(b"\xff.mp4"),
    ]


def test_names_of_lists_stand_for_what_they_would_on_the_command_line(here: Path) -> None:
    for name in ("study/a.mp4", "study/notes.txt", "clips/b.mp4", "clips/c.mov"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).touch()
    (here / "lists").mkdir()
    (here / "lists/list.txt").write_text("study\nclips/*.mov\n")
    inputs = with_lists(["clips/b.mp4", "-"], ["lists/list.txt"], io.BytesIO(b"study/notes.txt"))
    assert [one.id for one in find_recordings(inputs)] == ["b.mp4", "notes.txt", "a.mp4", "c.mov"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"# films\nmissing.mp4\n", "list.txt, line 2: missing.mp4: no such file or folder; check the path."),
        (b".\0mis\nsing\0", "list.txt, entry 2: mis\\nsing: no such file or folder; check the path."),
        (b"\n\nfilm*.mp4", "list.txt, line 3: film*.mp4: no video or photo matches this pattern."),
        (
            b"rtsp://me:secret@cam/1",
            "list.txt, line 1: rtsp://cam/1: addresses of streams are not analysed; give a file.",
        ),
        (b"\xffgone", "list.txt, line 1: %FFgone: no such file or folder; check the path."),
        (b"# nothing\n\n", "list.txt: the list names nothing; give one path a line."),
        (b"\xff\xfea", "list.txt: the list is neither UTF-8 nor whole UTF-16; save it as UTF-8."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(here: Path, data: bytes, sentence: str) -> None:
    (here / "film.mkv").touch()
    (here / "list.txt").write_bytes(data)
    with pytest.raises(InputError) as caught:
        find_recordings(with_lists([], ["list.txt"]))
    assert str(caught.value) == sentence


def test_a_list_that_cannot_be_read_is_told() -> None:
    for name in ("nowhere.txt", "."):
        with pytest.raises(InputError, match="the list cannot be read"):
            read_list(name)
    with pytest.raises(InputError, match="more than once"):
        with_lists(["-"], ["-"], io.BytesIO(b"a.mp4"))
