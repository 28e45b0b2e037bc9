"""Cameras watched in the page: one behind an address, and the visitor's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.rtsp import RtspServer, free_port
from helpers.serving import Served, save, visit
from helpers.waiting import wait_until

import fer_batch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest_plugins = ["helpers.browsers"]
pytestmark = pytest.mark.browser


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspServer]:
    """Twelve seconds of the example, from surprise to laughter, as a camera sends them."""
    options = ("-an", "-r", "15", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15")
    (tmp_path / "clips").mkdir()
    ffmpeg("-ss", "7", "-t", "12", "-i", EXAMPLE, *options, tmp_path / "clips" / "cam.mp4")
    server = RtspServer(tmp_path / "clips")
    yield server
    server.kill()


@pytest.fixture
def filmed(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """A browser before whose camera the example plays."""
    from helpers.browsers import program

    if find_spec("streamlit_webrtc") is None:
        pytest.skip("needs the extra app: pip install 'fer-batch[app]'")
    picture = tmp_path / "camera.mjpeg"
    ffmpeg("-ss", "10", "-t", "4", "-i", EXAMPLE, "-an", "-r", "15", "-q:v", "4", picture)
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={picture}",
    ]
    started = browser.browser_type.launch(executable_path=program(), args=arguments)
    yield started
    started.close()


def watched(page: Page) -> str:
    """Waits for a face in the live view; the state that it tells."""
    view = page.frame_locator("iframe[title*='picture with its faces']")
    view.locator(".face").first.wait_for(timeout=60_000)
    picture = view.locator("#picture")
    wait_until(lambda: picture.evaluate("picture => picture.naturalWidth") >= 300)
    assert view.locator(".face .bar").count() >= 7
    state: str = view.locator("#state").inner_text()
    return state


def rows(page: Page, path: Path) -> pd.DataFrame:
    """The timeline that the page gives after the end."""
    page.get_by_role("heading", name="What was seen").wait_for(timeout=40_000)
    return pd.read_parquet(save(page, "Timeline (Parquet)", path))


def test_an_address_is_watched_and_kept(browser: Browser, served: Served, camera: RtspServer, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with visit(browser, served, "live") as page:
        page.get_by_text("Address of a camera").click()
        field = page.get_by_label("Address", exact=True)
        field.fill(f"rtsp://me:s3cretword@127.0.0.1:{free_port()}/1")
        field.press("Enter")
        alert = page.get_by_role("alert").filter(has_text="nothing answers there")
        alert.wait_for(timeout=40_000)
        assert "s3cretword" not in alert.inner_text()
        page.get_by_text("What is kept").click()
        folder = page.get_by_label("Keep the results in this folder")
        folder.fill(str(kept))
        folder.press("Enter")
        field.fill(camera.url("cam.mp4"))
        page.get_by_role("button", name="Watch").click()
        assert watched(page) == "live"
        # It goes on while another page is looked at.
        page.get_by_role("link", name="Photo").click()
        page.get_by_role("heading", name="Photo", exact=True).wait_for()
        page.get_by_role("link", name="Live").click()
        page.get_by_role("button", name="Stop").click()
        given = rows(page, tmp_path / "seen.parquet")
        view = page.frame_locator("iframe[title*='played']")
        view.locator("#stage[data-source=annotated]").wait_for(timeout=20_000)
        assert field.input_value() == camera.url("cam.mp4"), "what was written is there again"
    assert len(given) > 5
    assert set(given["emotion"]) <= set(fer_batch.EMOTIONS)
    (name,) = fer_batch.recordings(kept)["recording"]
    assert len(fer_batch.load(kept, recordings=[name])) == len(given)


def test_the_browsers_own_camera_is_watched(filmed: Browser, served: Served, tmp_path: Path) -> None:
    with visit(filmed, served, "live") as page:
        button = page.frame_locator("iframe[title*=webrtc]")
        button.get_by_role("button", name="Start the camera").click(timeout=40_000)
        assert watched(page) == "live"
        button.get_by_role("button", name="Stop").click()
        given = rows(page, tmp_path / "seen.parquet")
        page.get_by_role("link", name="Photo").click()
        page.get_by_text("Camera", exact=True).click()
        page.wait_for_function("() => document.querySelector('video')?.videoWidth > 0", timeout=20_000)
        page.get_by_role("button", name="Take Photo").click()
        page.get_by_role("heading", name="Face 1").wait_for(timeout=60_000)
    assert len(given) > 5
    assert (given.groupby("emotion", observed=True).size().idxmax()) == "happy"
    served.wait_until_empty()
