"""What the report writes, without a browser."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from helpers.paths import EXAMPLE
from helpers.report_samples import document, recording
from numpy.typing import NDArray

import fer_batch
from fer_batch.cli.main import run
from fer_batch.emotions import COLOURS, EMOTIONS, hex_colour
from fer_batch.errors import InputError
from fer_batch.report.timeline_encoding import packed
from fer_batch.report.writer import write_report


class Elements(HTMLParser):
    """The elements of a page, with their text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], str]] = []
        self.inside = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, ""))
        self.inside = True

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - of the base class
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def named(self, tag: str) -> list[tuple[dict[str, str], str]]:
        return [(attributes, text) for each, attributes, text in self.found if each == tag]


def page_of(index: Path, name: str) -> Path:
    return index.parent / "recordings" / f"{name}.html"


def meta(page: Path) -> dict[str, Any]:
    (text,) = [text for attributes, text in Elements(page).named("script") if attributes.get("id") == "meta"]
    values: dict[str, Any] = json.loads(text)
    return values


def unpacked(text: str, *kinds: str) -> list[NDArray[Any]]:
    """Columns of one length, as the page's script takes them."""
    raw = zlib.decompress(b64decode(text))
    rows = len(raw) // sum(np.dtype(kind).itemsize for kind in kinds)
    columns, at = [], 0
    for kind in kinds:
        columns.append(np.frombuffer(raw, kind, rows, at))
        at += rows * np.dtype(kind).itemsize
    return columns


@pytest.mark.parametrize("tracks", [1, 40])
def test_packed_rows_are_those_of_the_timeline(tmp_path: Path, tracks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_batch.report.timeline_encoding._BLOCK_ROWS", 1000)
    recording(tmp_path, "a.mp4", minutes=0.3, tracks=tracks, frame_rate=29.97, missing=[(4, 9)])
    timeline = fer_batch.load(tmp_path).sort_values(["track", "frame"])
    found = packed(fer_batch.load(tmp_path))
    ticks, numbers = (np.cumsum(each, dtype=np.uint32) for each in unpacked(found.frames, "<u4", "<u4"))
    kinds = ("<u4", *["<i2"] * 4, *["u1"] * 8)
    blocks = [unpacked(block, *kinds) for block in found.blocks]
    assert [len(block[0]) for block in blocks] == found.rows
    assert all(rows <= 1000 or tracks == 1 for rows in found.rows)
    frame = np.concatenate([np.cumsum(block[0], dtype=np.uint32) for block in blocks])
    np.testing.assert_array_equal(numbers[frame], timeline["frame"])
    np.testing.assert_allclose(ticks[frame] * 1e-4, timeline["time_s"], atol=1e-4)
    for place, side in enumerate(("x", "y", "width", "height"), 1):
        steps = np.concatenate([np.cumsum(block[place], dtype=np.int16) for block in blocks])
        np.testing.assert_allclose(steps / found.box_scale, timeline[side], atol=0.51 / found.box_scale)
    for place, emotion in enumerate(EMOTIONS, 5):
        values = np.concatenate([block[place] for block in blocks]) / 255
        np.testing.assert_allclose(values, timeline[emotion], atol=0.51 / 255)
    assert [track.rows for track in found.tracks] == timeline.groupby("track").size().to_list()
    for track in found.tracks:
        assert track.starts_s == pytest.approx([0, 9], abs=0.05)
        assert track.ends_s == pytest.approx([4, 18], abs=0.05)


def test_a_box_far_outside_the_picture_still_fits(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.1, tracks=1)
    timeline = fer_batch.load(tmp_path)
    timeline.loc[0, "x"] = -50_000
    found = packed(timeline)
    (steps,) = unpacked(found.blocks[0], "<u4", *["<i2"] * 4, *["u1"] * 8)[1:2]
    assert steps[0] / found.box_scale == pytest.approx(-50_000, rel=1e-4)


def test_nothing_but_the_pages_own_scripts_may_run_and_nothing_may_be_fetched(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.1, tracks=1)
    index = write_report(tmp_path)
    for path in (index, page_of(index, "a.mp4")):
        elements = Elements(path)
        policy = next(a["content"] for a, _ in elements.named("meta") if "http-equiv" in a)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert not any("http" in sources or "*" in sources or "unsafe" in sources for sources in rules.values())
        for tag, source in (("script", "script-src"), ("style", "style-src")):
            texts = [text for attributes, text in elements.named(tag) if "type" not in attributes]
            hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in texts]
            assert rules[source] == " ".join(f"'sha256-{each}'" for each in hashes)
        html = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://", html)
        assert 'style="' not in html


def test_links_lead_to_the_files_whatever_they_are_called(tmp_path: Path) -> None:
    folder = tmp_path / "100% of #1? & ü"
    folder.mkdir()
    source = folder / "a b%41.mp4"
    source.write_bytes(EXAMPLE.read_bytes())
    out = tmp_path / "out #2"
    fer_batch.analyze(source, output=out, video=True, fps=5, end=1)
    index = write_report(out)
    (href,) = [a["href"] for a, _ in Elements(index).named("a") if "recordings/" in a.get("href", "")]
    page = index.parent / unquote(href)
    assert page.is_file()
    media = meta(page)["media"]
    assert (page.parent / unquote(media["recording"][0]["href"])).resolve() == source.resolve()
    assert unquote(media["recording"][1]["href"]) == f"file://{source}"
    assert (page.parent / unquote(media["annotated"][0]["href"])).resolve().is_file()


def test_colours_have_one_source(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.1, tracks=1)
    index = write_report(tmp_path)
    assert meta(page_of(index, "a.mp4"))["colours"] == [hex_colour(name) for name in COLOURS]
    for path in (index, page_of(index, "a.mp4")):
        for name in EMOTIONS:
            assert f".swatch.{name}, .shares > .{name} {{ background: {hex_colour(name)}; }}" in path.read_text()


def test_chosen_recordings_get_pages_and_the_index_has_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("s1/a.mp4", "s1/b.mp4", "s2/a.mp4"):
        recording(tmp_path / "out", name, minutes=0.1, tracks=1)
    document(tmp_path / "out", "broken.mp4", "failed", error="broken.mp4: no video; copy it again.")
    assert run(["report", str(tmp_path / "out"), "s1/*", "-o", str(tmp_path / "pages")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'pages' / 'index.html'}\n"
    index = tmp_path / "pages" / "index.html"
    assert sorted(path.relative_to(tmp_path / "pages").as_posix() for path in (tmp_path / "pages").rglob("*.html")) == [
        "index.html",
        "recordings/s1/a.mp4.html",
        "recordings/s1/b.mp4.html",
    ]
    html = index.read_text()
    assert "s2/a.mp4" in html
    assert "broken.mp4: no video; copy it again." in html
    with pytest.raises(InputError, match="no recording 's3' with a timeline"):
        write_report(tmp_path / "out", None, ["s3"])


@pytest.mark.slow
def test_the_page_says_what_it_was_made_with(example: Path) -> None:
    page = page_of(write_report(example), EXAMPLE.name)
    terms = [text for _, text in Elements(page).named("dt")]
    values = [text for _, text in Elements(page).named("dd")]
    said = dict(zip(terms, values, strict=True))
    assert said["frames decoded"] == said["frames analysed"] == said["rows"] == "472"
    assert said["model"].startswith("emotion-gray48 (sha256 f5513e8c")
    assert "fer_batch " in said["versions"]
    assert "not say what a person feels" in page.read_text()


@pytest.mark.slow
def test_faces_are_embedded_only_on_demand(example: Path) -> None:
    page = page_of(write_report(example), EXAMPLE.name)
    assert "data:image" not in page.read_text()
    write_report(example, with_thumbnails=True)
    (track,) = meta(page)["tracks"]
    assert b64decode(track["thumbnail"].removeprefix("data:image/jpeg;base64,"))[:2] == b"\xff\xd8"


def test_the_same_study_gives_the_same_pages(tmp_path: Path) -> None:
    recording(tmp_path, "a.mp4", minutes=0.2, tracks=3)
    first = {path: path.read_bytes() for path in write_report(tmp_path).parent.rglob("*.html")}
    assert {path: path.read_bytes() for path in write_report(tmp_path).parent.rglob("*.html")} == first


def test_what_was_written_after_the_summing_up_waits_for_the_next_report(tmp_path: Path) -> None:
    recording(tmp_path, "camera", minutes=0.1, tracks=3)
    tables = fer_batch.summary(tmp_path)
    earlier = tables._replace(tracks=tables.tracks[tables.tracks["track"] < 3])
    page = page_of(write_report(tmp_path, tables=earlier), "camera")
    assert [track["track"] for track in meta(page)["tracks"]] == [1, 2]


def test_an_empty_recording_and_a_photo_have_pages_too(tmp_path: Path) -> None:
    recording(tmp_path, "nobody.mp4", minutes=0.1, tracks=0)
    recording(tmp_path, "photo.jpg", minutes=1 / 60, tracks=3, frame_rate=1)
    document(tmp_path, "photo.jpg", probe={"kind": "photo", "width": 100, "height": 80}, counts={"rows": 3})
    index = write_report(tmp_path)
    assert "No face was found." in page_of(index, "nobody.mp4").read_text()
    assert meta(page_of(index, "photo.jpg"))["kind"] == "photo"
    assert len(meta(page_of(index, "photo.jpg"))["tracks"]) == 3


def test_transitions_are_counted_within_a_track_and_without_a_long_pause() -> None:
    from fer_batch.analytics.summary import transitions

    rows = [
        ("a", 1, "sad", 0, 2),
        ("a", 1, "happy", 2.5, 4),
        ("a", 1, "sad", 9, 10),
        ("a", 2, "neutral", 10, 11),
        ("b", 1, "happy", 0, 1),
        ("b", 1, "sad", 1, 2),
    ]
    episodes = pd.DataFrame(rows, columns=["recording", "track", "emotion", "start_s", "end_s"])
    counts = transitions(episodes)
    assert counts.loc["sad", "happy"] == counts.loc["happy", "sad"] == 1
    assert counts.to_numpy().sum() == 2
    assert transitions(episodes, pause_s=5).to_numpy().sum() == 3
