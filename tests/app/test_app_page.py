"""The page in a real browser: what it gives, what it says of bad files, what it leaves behind and where it connects."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fer_batch

pytest.importorskip("streamlit", reason="the extra app is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a running page, and the folder in which it keeps what visitors upload."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    kept = tmp_path / "kept"
    kept.mkdir()
    environment = {**os.environ, "TMPDIR": str(kept), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "fer_batch", "app", "--listen", address, "--no-browser"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://{address}", kept
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)
    assert not list(kept.glob("fer-batch-app-*/*"))
    assert not (tmp_path / ".streamlit").exists()


@pytest.fixture
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def _give(page: Any, address: str, file: Path) -> None:
    page.goto(address)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Analyse").click(timeout=60_000)


def test_a_photo_gives_the_numbers_of_the_command_line(served: tuple[str, Path], browser: Any, tmp_path: Path) -> None:
    address, _ = served
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    _give(page, address, EXAMPLES / "astronaut.png")
    button = page.get_by_role("button", name="Timeline (Parquet)")
    button.wait_for(timeout=90_000)
    if pictures := os.environ.get("FER_BATCH_SCREENSHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{pictures}/photo.png", full_page=True)
    with page.expect_download() as download:
        button.click()
    download.value.save_as(tmp_path / "given.parquet")
    expected = fer_batch.analyze(EXAMPLES / "astronaut.png").drop(columns="recording")
    given = pd.read_parquet(tmp_path / "given.parquet")
    assert list(given["happy"]) == list(expected["happy"])
    assert given["happy"].iloc[0] > 0.5
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []


def test_a_text_called_mp4_gives_one_sentence(served: tuple[str, Path], browser: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video\n")
    page = browser.new_page()
    _give(page, served[0], tmp_path / "notes.mp4")
    alert = page.locator("[data-testid=stAlert]", has_text="notes.mp4")
    alert.wait_for(timeout=60_000)
    assert "Traceback" not in page.content()
    assert str(served[1]) not in alert.inner_text()


def test_a_cancelled_analysis_leaves_nothing(served: tuple[str, Path], browser: Any) -> None:
    address, kept = served
    page = browser.new_page()
    _give(page, address, EXAMPLES / "WolfgangLanger_Pexels.mp4")
    page.get_by_role("button", name="Cancel").click(timeout=60_000)
    for _ in range(40):
        if not [path for path in kept.glob("fer-batch-app-*/**/*") if path.is_file()]:
            return
        time.sleep(0.25)
    pytest.fail("The upload or its results are still there.")
