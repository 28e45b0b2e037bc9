"""CSV that a spreadsheet opens and runs nothing of, and that reads back as what was written."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from helpers.report_samples import document, recording
from helpers.timeline_samples import conversation, sink

import fer_batch
from fer_batch.analytics.summary import write_summary
from fer_batch.cli.display.machine_output import write_failures
from fer_batch.results.csv_text import escaped, unescaped, write_csv
from fer_batch.results.record import RecordingRecord

NASTY = (
    "=1+1.mp4",
    '+cmd|"/c calc"!A0.mp4',
    "-2+3.mp4",
    "@SUM(1,2).mp4",
    "\t=1.mp4",
    "\r=1.mp4",
    "'=1.mp4",
    "''.mp4",
    "\uff1d1+1.mp4",
    'a;=HYPERLINK("x").mp4',
    'a;"=1".mp4',
    'a,"=1",\n=2\r\n.mp4',
    "back\\slash\\new\\\n\\\\x1b\x1b\x00\x7f\\;=1\\",
    "NA",
    "007",
    "true",
)
FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_escaped_and_comes_back(text: str) -> None:
    cell = escaped(text)
    assert unescaped(cell) == text
    assert not cell.startswith(FORMULA)
    assert cell.isprintable()


def test_every_text_comes_back_letter_by_letter() -> None:
    dice = random.Random(7)
    for _ in range(50_000):
        text = "".join(dice.choices("\\\\\\nrtx0a1b'\"=+-@;, \t\r\n\x00\x1f\x7f\u00e9", k=dice.randrange(9)))
        assert unescaped(escaped(text)) == text
    assert escaped(r"C:\Users\name") == r"C:\Users\\name", "only what would read as something else is doubled"
    assert escaped("monday/anna.mp4") == "monday/anna.mp4"


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("live", [False, True])
def test_a_timeline_is_read_as_load_gives_it(tmp_path: Path, name: str, live: bool) -> None:
    for kind in ("parquet", "csv"):
        with sink(kind, tmp_path, "clip.mp4" if kind == "parquet" else name) as writer:
            for each in conversation(60, live=live):
                writer.write(each)
    (path,) = (tmp_path / "csv").rglob("*.csv")
    expected = fer_batch.load(tmp_path).assign(recording=name).astype({"recording": "str"})
    pd.testing.assert_frame_equal(fer_batch.read_csv(path), expected, check_exact=True)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert {row[0] for row in rows[1:]} == {escaped(name)}
    assert any(cell.startswith("-") for row in rows[1:] for cell in row), "numbers are never touched"


def test_tables_of_a_study_are_read_as_the_package_gives_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    recording(out, "=1+1.mp4", minutes=0.1, tracks=2, error='-a\n"b";=c: ends early.')
    document(out, "@bad.mp4", "failed", error="=1: holds no video.")
    tables = fer_batch.summary(out)
    write_summary(tables, tmp_path / "summary")
    for name, table in tables._asdict().items():
        path = tmp_path / "summary" / f"{name}.csv"
        pd.testing.assert_frame_equal(fer_batch.read_csv(path), table, check_exact=True)
        with path.open(encoding="utf-8", newline="") as file:
            assert all(not cell.startswith(FORMULA) for row in csv.reader(file) for cell in row)
    episodes = fer_batch.episodes(out)
    write_csv(episodes, tmp_path / "episodes.csv")
    pd.testing.assert_frame_equal(fer_batch.read_csv(tmp_path / "episodes.csv"), episodes, check_exact=True)


def test_the_report_of_failures_is_escaped_and_read(tmp_path: Path) -> None:
    now = datetime(2025, 3, 1, 12, tzinfo=UTC)
    source = "/v/a;=HYPERLINK(1).mp4"
    record = RecordingRecord("=1+1.mp4", source, "failed", now, now, error="@x:\tno video.", retry=True)
    path = tmp_path / "failures.csv"
    write_failures(path, [record])
    text = path.read_text(encoding="utf-8")
    assert "'=1+1.mp4,/v/a\\x3b=HYPERLINK(1).mp4,failed,'@x:\\tno video.,true," in text
    (row,) = fer_batch.read_csv(path).to_dict("records")
    assert row == {
        "recording": "=1+1.mp4",
        "source": source,
        "status": "failed",
        "error": "@x:\tno video.",
        "retry": True,
        "finished_at": pd.Timestamp(now),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "no column recording"),
        (b"a,b\n1,2\n", "no column recording"),
        (b"recording,rows\na.mp4,many\n", "not as fer-batch wrote it"),
        (b"\xff\x00", "not as fer-batch wrote it"),
    ],
)
def test_what_is_no_such_file_is_a_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(fer_batch.InputError, match=says):
        fer_batch.read_csv(path)
