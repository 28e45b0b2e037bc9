"""The server itself: whom it answers, and what a crash leaves."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from helpers.serving import Served, serve, start, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["helpers.browsers"]
pytestmark = pytest.mark.browser


def answer(url: str, **headers: str) -> int:
    """The status of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as given:
            return int(given.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_other_sites_pages_are_refused(served: Served) -> None:
    assert answer(served.address) == 200
    assert answer(served.address, Origin=served.address) == 200
    for origin in ("http://example.org", "http://127.0.0.1:9", "null"):
        assert answer(served.address, Origin=origin) == 403
        # Streamlit would find out on the internet whether this is its own address; the fixture would notice.
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        assert answer(f"{served.address}/_stcore/stream", Origin=origin, **upgrade) == 403
    for path in ("given/guessed/1/photo.png", "watched/guessed/", "watched/guessed/picture/0"):
        assert answer(f"{served.address}/{path}") == 404


def test_the_cookie_is_the_ports_own(served: Served) -> None:
    with urllib.request.urlopen(served.address, timeout=10) as given:
        cookie = given.headers["Set-Cookie"]
    assert cookie.startswith(f"fer-batch-browser-{served.address.rpartition(':')[2]}=")
    assert "HttpOnly; SameSite=Strict" in cookie


def test_after_a_crash_the_next_start_cleans_up(browser: Browser, served: Served, long_clip: Path) -> None:
    folder = served.room.parent.parent
    foreign = served.room.with_name("fer-batch-app-mine") / "letter.txt"
    foreign.parent.mkdir()
    foreign.write_text("somebody's")
    crashed = start(folder)
    try:
        with visit(browser, crashed, "video") as page:
            page.locator("input[type=file]").set_input_files(long_clip)
            page.get_by_role("button", name="Analyse").click(timeout=20_000)
            page.get_by_text("frames a second").wait_for(timeout=60_000)
            workers = psutil.Process(crashed.process.pid).children(recursive=True)
            crashed.process.kill()
        assert workers
        assert psutil.wait_procs(workers, timeout=20)[1] == [], "nobody works on for a server that is dead"
        assert long_clip.name in {path.name for path in crashed.files()}
        with serve(folder, host="0.0.0.0", end=signal.SIGTERM) as for_all:  # noqa: S104 - that is what is tested
            assert not crashed.room.exists()
            assert served.room.is_dir(), "another server is at work there"
            assert foreign.is_file()
            with visit(browser, for_all, "video") as page:
                page.get_by_role("button", name="Analyse").wait_for(timeout=20_000)
                assert page.get_by_text("File on this machine").count() == 0
                page.get_by_role("link", name="Results").click()
                page.get_by_text("only on the machine that serves").wait_for()
    finally:
        crashed.process.kill()
        crashed.process.wait()
