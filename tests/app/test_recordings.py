"""Photos and videos given to the page: what comes out, what is said of bad files, and what stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from helpers.paths import EXAMPLE
from helpers.serving import Served, save, visit
from helpers.waiting import wait_until

import fer_batch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ["helpers.browsers"]
pytestmark = pytest.mark.browser
PHOTO = EXAMPLE.with_name("astronaut.png")


def give_video(page: Page, file: Path) -> None:
    """Uploads a video and begins."""
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Analyse").click(timeout=20_000)


def test_a_photo_gives_the_numbers_of_the_command_line(browser: Browser, served: Served, tmp_path: Path) -> None:
    with visit(browser, served) as page:
        page.locator("input[type=file]").set_input_files(PHOTO)
        page.get_by_role("heading", name="Face 1: happy").wait_for(timeout=60_000)
        given = pd.read_parquet(save(page, "Timeline (Parquet)", tmp_path / "photo.parquet"))
        assert save(page, "Annotated picture", tmp_path / "photo.png").read_bytes()[1:4] == b"PNG"
        csv = pd.read_csv(save(page, "Timeline (CSV)", tmp_path / "photo.csv"))
    expected = fer_batch.analyze(PHOTO).drop(columns="recording")
    pd.testing.assert_frame_equal(given, expected, check_dtype=False, check_categorical=False)
    assert csv["happy"].to_list() == pytest.approx(expected["happy"].to_list(), abs=1e-4)


def test_a_video_is_analysed_played_in_step_and_taken_away(
    browser: Browser, served: Served, clip: Path, tmp_path: Path
) -> None:
    with visit(browser, served, "video") as page:
        ranges: list[int] = []
        page.on("response", lambda response: ranges.append(response.status) if ".mp4" in response.url else None)
        give_video(page, clip)
        begun = page.get_by_role("button", name="Cancel").or_(page.get_by_role("link", name="Timeline (Parquet)"))
        begun.first.wait_for(timeout=60_000)
        # It goes on while another page is looked at.
        page.get_by_role("link", name="Photo").click()
        page.get_by_role("heading", name="Photo", exact=True).wait_for()
        page.get_by_role("link", name="Video").click()
        page.get_by_role("link", name="Timeline (Parquet)").wait_for(timeout=60_000)
        page.reload()
        page.get_by_role("link", name="Timeline (Parquet)").wait_for(timeout=20_000)
        view = page.frame_locator("iframe[title*=laugh]")
        view.locator("#stage[data-source=recording]").wait_for(timeout=20_000)
        view.locator("#play").click()
        view.locator("#play[aria-pressed=true]").wait_for()
        stage = view.locator("#stage")
        wait_until(lambda: float(stage.get_attribute("data-time") or 0) > 0.2)
        view.locator("#play").click()
        view.locator("#seek").evaluate("(bar) => { bar.value = 2.4; bar.dispatchEvent(new Event('input')); }")
        view.locator("#stage[data-time^='2.3'], #stage[data-time^='2.4']").wait_for()
        assert view.locator("#stage").get_attribute("data-faces") == "1"
        assert 206 in ranges, "parts of the video are given as they are asked for"
        given = pd.read_parquet(save(page, "Timeline (Parquet)", tmp_path / "video.parquet"))
        assert len(pd.read_csv(save(page, "Timeline (CSV)", tmp_path / "video.csv"))) == len(given)
        tracks = pd.read_csv(save(page, "Tracks (CSV)", tmp_path / "tracks.csv"))
        assert tracks["frames"].sum() == len(given)
        episodes = pd.read_csv(save(page, "Episodes (CSV)", tmp_path / "episodes.csv"))
        assert set(episodes["track"]) <= set(tracks["track"])
        annotated = save(page, "Annotated video", tmp_path / "video.mp4")
        assert b"ftyp" in annotated.read_bytes()[:16]
    expected = fer_batch.analyze(clip).drop(columns="recording")
    pd.testing.assert_frame_equal(given, expected, check_dtype=False, check_categorical=False)
    served.wait_until_empty()


def test_a_text_called_mp4_gives_one_sentence(browser: Browser, served: Served, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video\n")
    with visit(browser, served, "video") as page:
        give_video(page, tmp_path / "notes.mp4")
        alert = page.get_by_role("alert").filter(has_text="notes.mp4")
        alert.wait_for(timeout=60_000)
        said = alert.inner_text().strip()
        assert said.startswith("notes.mp4: ")
        assert "\n" not in said
        assert str(served.room) not in page.content()


def test_a_file_of_this_machine_and_a_cancelled_analysis(browser: Browser, served: Served, long_clip: Path) -> None:
    with visit(browser, served, "video") as page:
        page.get_by_text("File on this machine").click()
        field = page.get_by_label("Path of the file")
        field.fill(str(long_clip.with_name("nothing.mp4")))
        field.press("Enter")
        page.get_by_role("button", name="Analyse").click()
        page.get_by_role("alert").filter(has_text="no such file").wait_for()
        field.fill(str(long_clip))
        field.press("Enter")
        page.get_by_role("button", name="Analyse").click()
        page.get_by_text("frames a second").wait_for(timeout=60_000)
        assert served.files()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text(f"{long_clip.name}: cancelled; nothing of it is kept.").wait_for()
        page.get_by_role("button", name="Analyse").wait_for()
        served.wait_until_empty()
        assert long_clip.is_file()


def test_two_visitors_do_not_know_of_each_other(browser: Browser, served: Served, clip: Path, long_clip: Path) -> None:
    with visit(browser, served, "video") as stays:
        with visit(browser, served, "video") as goes:
            give_video(goes, long_clip)
            goes.get_by_text("frames a second").wait_for(timeout=60_000)
            give_video(stays, clip)
            stays.get_by_text("laugh.mp4").first.wait_for(timeout=60_000)
            assert long_clip.name not in stays.content()
        stays.get_by_role("link", name="Timeline (Parquet)").wait_for(timeout=60_000)
        assert long_clip.name not in stays.content()
        # Of the one who has gone nothing stays.
        wait_until(lambda: not any(long_clip.stem in path.name for path in served.files()))
        assert clip.name in {path.name for path in served.files()}
