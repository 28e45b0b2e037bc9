"""Results and models looked at in the page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.report_samples import document, recording
from helpers.serving import Served, save, visit

from fer_batch.results.layout import Layout

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["helpers.browsers"]
pytestmark = pytest.mark.browser


def test_a_folder_is_opened_compared_and_looked_at(browser: Browser, served: Served, tmp_path: Path) -> None:
    study = tmp_path / "study"
    for number, name in enumerate(("monday/anna.mp4", "monday/ben.mp4", "tuesday/anna.mp4")):
        recording(study, name, minutes=0.2, tracks=1 + number % 2, seed=number)
    # As a live source leaves it.
    whole = Layout(study).timeline("monday/ben.mp4")
    rows = pq.read_table(whole, partitioning=None)
    for number, part in enumerate((rows[:100], rows[100:])):
        pq.write_table(part, whole.with_name(f"part-{number:08d}.parquet"))
    whole.unlink()
    document(study, "tuesday/<b>broken</b>.mp4", "failed", error="holds no video that can be decoded.")
    with visit(browser, served, "results") as page:
        field = page.get_by_label("Output folder")
        field.fill(str(tmp_path))
        field.press("Enter")
        page.get_by_role("alert").filter(has_text="holds no recordings").wait_for()
        field.fill(str(study))
        page.get_by_role("button", name="Open").click()
        page.get_by_text("<b>broken</b>.mp4: failed").wait_for(timeout=20_000)
        assert page.get_by_test_id("stMetricValue").first.inner_text() == "4"
        page.get_by_role("tab", name="Comparison").click()
        page.get_by_test_id("stVegaLiteChart").first.wait_for()
        page.get_by_label("Name contains").fill("monday")
        page.get_by_label("Name contains").press("Enter")
        page.get_by_text("<b>broken</b>.mp4: failed").wait_for(state="detached")
        assert page.get_by_test_id("stMetricValue").first.inner_text() == "2"
        page.get_by_role("tab", name="Persons").click()
        page.get_by_text("Persons are not matched between recordings").wait_for()
        page.get_by_role("tab", name="Look at one").click()
        page.get_by_test_id("stSelectbox").locator("input:visible").click()
        page.get_by_role("option", name="monday/ben.mp4").click()
        view = page.frame_locator("iframe[title*='ben.mp4']")
        view.locator("html[data-ready]").wait_for(state="attached", timeout=20_000)
        assert view.locator("#tracks .track").count() == 2
        given = save(page, "Timeline (Parquet)", tmp_path / "ben.parquet")
    assert pq.read_table(given, partitioning=None).equals(rows), "parts come as one file"
    served.wait_until_empty()
    assert (study / "timelines").is_dir(), "what was only looked at stays"


def test_the_model_tells_how_good_it_is_and_is_measured(browser: Browser, served: Served, tmp_path: Path) -> None:
    faces = tmp_path / "faces" / "happy"
    faces.mkdir(parents=True)
    shutil.copy(EXAMPLE.with_name("astronaut.png"), faces)
    (tmp_path / "faces" / "sad").mkdir()
    ffmpeg("-ss", "3", "-i", EXAMPLE, "-frames:v", "1", tmp_path / "faces" / "sad" / "tears.png")
    with visit(browser, served, "model") as page:
        page.get_by_role("tab", name="Card").click()
        page.get_by_role("heading", name="emotion-gray48: seven emotions").wait_for(timeout=20_000)
        page.get_by_role("tab", name="How good it is").click()
        page.get_by_text("2,854 faces of ferplus.parquet, valid").wait_for()
        page.get_by_test_id("stVegaLiteChart").nth(1).wait_for()
        page.get_by_role("tab", name="On your own faces").click()
        field = page.get_by_label("Folder, or a CSV")
        for given, says in ((tmp_path / "nothing", "nothing"), (tmp_path / "faces", "2 faces of faces")):
            field.fill(str(given))
            field.press("Enter")
            page.get_by_role("button", name="Measure").click()
            page.get_by_role("tabpanel").get_by_text(says).last.wait_for(timeout=60_000)
