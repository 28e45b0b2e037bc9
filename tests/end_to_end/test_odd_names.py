"""Recordings of any name that a file system allows, through the console script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest
from helpers.command import finished
from helpers.paths import EXAMPLES
from helpers.people import picture

import fer_batch

LONG = "x" * 246 + ".png"
NAMES = [
    " two  spaces .png",
    "100 %25 = 50 # {a}.png",
    "-clip.png",
    "[bold] [red] :smile:.png",
    'a<b>:"c"|d?*.png',
    "caf\u00e9.png",
    "cafe\u0301.png",
    "two\nlines\x1b[31m\u202e.png",
    "日本語 😀.png",
    LONG,
]
BYTES = os.fsdecode(b"latin-1 caf\xe9.png")


@pytest.fixture(scope="module", name="still")
def a_small_still(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("still") / "still.png"
    cv2.imwrite(str(path), cv2.resize(picture(EXAMPLES / "astronaut.png")[..., ::-1], (192, 192)))
    return path.read_bytes()


@pytest.fixture(name="study")
def _study(tmp_path: Path, still: bytes) -> Path:
    """A folder with a still of every name, in a folder of an odd name."""
    study = tmp_path / os.fsdecode(b"study \xfc%")
    study.mkdir()
    for name in (*NAMES, BYTES):
        (study / name).write_bytes(still)
    return study


def run(
    script: Path, *arguments: str | Path, cwd: Path, stdin: bytes = b"", status: int = 0, **environment: str
) -> tuple[str, str]:
    done = subprocess.run(
        [script, "analyze", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "CI": "true", **environment},
    )
    said, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, errors
    assert "Traceback" not in errors
    return said, errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere not all of these names exist")
def test_every_name_works_everywhere_in_the_output_folder(script: Path, study: Path) -> None:
    out = study.parent / "out"
    said, errors = run(script, ".", "-o", out, "--format", "both", cwd=study)
    assert f"{len(NAMES) + 1} of {len(NAMES) + 1} recordings done" in said
    assert all(line.endswith(": done, 1 frame, 1 face.") for line in errors.splitlines())
    assert not {"\x1b", "\u202e"} & set(said + errors), "no name talks to the terminal"

    (short,) = (path.stem for path in (out / "csv").glob("xxx*"))
    ids = sorted({*NAMES, short, "latin-1 caf%E9.png"} - {LONG})
    assert sorted(fer_batch.load(out)["recording"]) == ids
    assert sorted(pd.read_parquet(out / "timelines")["recording"].astype(str)) == ids
    assert sorted(fer_batch.read_csv(path)["recording"][0] for path in (out / "csv").iterdir()) == ids
    records = [json.loads(path.read_text("utf-8")) for path in (out / "recordings").iterdir()]
    assert sorted(record["id"] for record in records) == ids
    sources = {record["id"]: record["source"] for record in records}
    folder = str(study).encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "%FC")
    assert sources[short] == f"{folder}/{LONG}"
    assert sources["latin-1 caf%E9.png"] == f"{folder}/latin-1 caf%E9.png"
    for record in records:
        assert all((out / name).exists() for name in record["files"])
        assert len([name for name in record["files"] if name.startswith("annotated/")]) == 1

    _, again = run(script, ".", "-o", out, cwd=study)
    assert "11 recordings: done already, kept" in again


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere not all of these names exist")
def test_every_name_can_be_given_alone_and_in_lists(script: Path, study: Path) -> None:
    said, _ = run(script, "--json", "--no-video", "-o", "../one", "--", "-clip.png", BYTES, cwd=study)
    assert [one["id"] for one in finished(said)] == ["-clip.png", "latin-1 caf%E9.png"]
    entries = b"\0".join(os.fsencode(name) for name in (*NAMES, BYTES))
    said, _ = run(script, "-", "--json", "--no-video", "-o", "../two", cwd=study, stdin=entries)
    begin = json.loads(said.splitlines()[0])
    assert begin["recordings"][:-2] == NAMES[:-1]
    assert len(finished(said)) == len(begin["recordings"])
    # A terminal or a log that knows less than these names must not end a run.
    for name in (BYTES, NAMES[7], NAMES[8]):
        run(
            script,
            "--no-video",
            "-o",
            f"../{NAMES.index(name) if name in NAMES else 'bytes'}",
            "--",
            name,
            cwd=study,
            PYTHONIOENCODING="ascii",
        )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere not all of these names exist")
def test_what_is_wrong_with_an_odd_name_is_one_line(script: Path, study: Path) -> None:
    for name in ("two\nlines.png", os.fsdecode(b"\xe9.png")):
        shown = name.replace("\n", "\\n").replace(os.fsdecode(b"\xe9"), "%E9")
        _, errors = run(script, name, cwd=study, status=2)
        assert errors == f"Error: {shown}: no such file or folder; check the path.\n"
        (study / name).write_text("no picture")
        _, errors = run(script, name, "-o", "../out", cwd=study, status=2)
        assert f"/{shown}: cannot be read as a photo" in errors.splitlines()[-1]
    _, errors = run(script, NAMES[1], "-o", os.fsdecode(b"../\xe9"), cwd=study, status=2)
    assert errors.startswith("Error: ../%E9: is no valid Unicode")


@pytest.mark.slow
def test_recordings_of_one_name_keep_their_results_apart(script: Path, tmp_path: Path, still: bytes) -> None:
    for name in ("s1/a.png", "s2/a.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(still)
    said, _ = run(script, "s1", "s2/a.png", "-o", "out", "--json", cwd=tmp_path)
    assert [one["id"] for one in finished(said)] == ["s1/a.png", "s2/a.png"]
    assert (tmp_path / "out/annotated/s2/a.png").is_file()
