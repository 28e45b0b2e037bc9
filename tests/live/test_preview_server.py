"""The preview: seen in a real browser, closed to who has no token, and nobody's brake."""

from __future__ import annotations

import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread, active_count

import cv2
import numpy as np
import pytest
from helpers.listener import Listener
from helpers.paths import EXAMPLE
from helpers.waiting import wait_until
from playwright.sync_api import Browser

from fer_batch.config import Outputs, Settings
from fer_batch.live.events import Counts, FrameAnalyzed, LiveMessage
from fer_batch.live.options import CaptureOptions, LiveJob, LiveOptions
from fer_batch.live.preview.server import Preview
from fer_batch.live.runner import watch
from fer_batch.live.source_url import parse_address

pytest_plugins = ("helpers.browsers",)
pytestmark = pytest.mark.browser


class Watched:
    """The example played at its own speed, with a preview, in a thread of this process."""

    def __init__(self, out: Path) -> None:
        self.counts = Counts()
        self.latencies: list[float] = []
        self.pictures = 0
        self.wanted = False
        self.preview = Preview("127.0.0.1:0", None, {"door": "the example"}, {"door": self.counts}, self._want)
        self._stop = Event()
        options = LiveOptions(
            CaptureOptions(), Settings(persons=False), Outputs(out, "parquet", False), preview=True, duration_s=15
        )
        job = LiveJob("door", parse_address(str(EXAMPLE)), options)
        self._thread = Thread(target=watch, args=(job, self._stop, self._tell, self))
        self._thread.start()

    def _want(self, name: str, on: bool) -> None:
        assert name == "door"
        self.wanted = on

    def _tell(self, told: LiveMessage, counts: Counts) -> None:
        vars_of = {name: getattr(counts, name) for name in ("arrived", "analysed", "dropped")}
        for name, value in vars_of.items():
            setattr(self.counts, name, value)
        if isinstance(told, FrameAnalyzed):
            self.latencies.append(told.latency_s)
        self.preview.tell("door", told)

    def show(self, jpeg: bytes) -> None:
        """Takes a picture, as from :class:`fer_batch.live.preview.encoder.PreviewEncoder`."""
        self.pictures += 1
        self.preview.show("door", jpeg)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.preview.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path)
    wait_until(lambda: one.latencies)
    yield one
    one.close()


def address(preview: Preview, path: str, token: str = "") -> str:
    return f"http://127.0.0.1:{preview.port}/{path}" + (f"?token={token}" if token else "")


def test_a_browser_shows_moving_annotated_pictures(watched: Watched, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 760})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(watched.preview.url)
    assert watched.preview.token not in page.url
    page.get_by_role("heading", name="Track 1").wait_for()
    picture = page.locator("#picture")
    page.wait_for_function("() => document.getElementById('picture').naturalWidth > 0")

    def screenshot() -> np.ndarray:
        image = cv2.imdecode(np.frombuffer(picture.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(image).astype(int)

    first = screenshot()
    # It moves.
    wait_until(lambda: float(np.abs(first - screenshot()).mean()) > 1)
    wait_until(lambda: re.fullmatch(r"\d+\.\d/s", page.locator("#analysed").inner_text()))
    assert page.locator("#state").inner_text() == "live"
    page.close()
    assert _drawn(first.astype(np.uint8)), "there is a box"
    assert said == []
    assert all(url.startswith((f"http://127.0.0.1:{watched.preview.port}/", "data:")) for url in asked)
    # Nobody looks any more.
    wait_until(lambda: not watched.wanted)


def _drawn(picture: np.ndarray) -> bool:
    """Whether there are colours that the dim example has nowhere: those of emotions."""
    saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[:, :, 1:].min(2)
    return bool((saturation > 150).sum() > 200)


def test_without_the_token_there_is_nothing(watched: Watched) -> None:
    for path in ("", "state", "picture/0", "page.js", "elsewhere"):
        for token in ("", "wrong", "\u00e9".encode().hex()):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address(watched.preview, path, token), timeout=5)
    token = watched.preview.token
    with urllib.request.urlopen(address(watched.preview, "state", token), timeout=5) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert b'"track": 1' in answer.read()
    assert not watched.wanted
    assert watched.pictures == 0, "none is made for nobody"


def test_a_stuck_viewer_slows_nobody(watched: Watched) -> None:
    before = len(watched.latencies)
    with socket.create_connection(("127.0.0.1", watched.preview.port)) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(f"GET /picture/0?token={watched.preview.token} HTTP/1.0\r\n\r\n".encode())
        with urllib.request.urlopen(address(watched.preview, "picture/0", watched.preview.token), timeout=5) as other:
            # It never reads; the other one goes on all the time.
            until, taken = time.monotonic() + 4, 0
            while time.monotonic() < until:
                taken += len(other.read(4096))
    assert taken > 100_000
    during = np.array(watched.latencies[before:])
    assert len(during) > 30
    assert np.median(during) < 0.3
    assert watched.counts.dropped < 0.5 * watched.counts.arrived


def status(preview: Preview, host: str | None) -> int:
    """Of an answer to a browser that took the server for this host."""
    with socket.create_connection(("127.0.0.1", preview.port), 5) as one:
        named = "" if host is None else f"Host: {host}\r\n"
        one.sendall(f"GET /state?token={preview.token} HTTP/1.0\r\n{named}\r\n".encode())
        return int(one.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    ("listen", "answered", "refused"),
    [
        (
            "127.0.0.1:0",
            [None, "localhost", "127.0.0.1:9999", "[::1]:80", "LOCALHOST:1"],
            ["evil.example", "evil.example:80", "10.0.0.1", "localhost.evil.example", "[::1", ""],
        ),
        (
            "0.0.0.0:0",
            [
                None,
                "localhost:1",
                "10.0.0.1:8765",
                "[fe80::1]",
                socket.gethostname(),
                f"{socket.gethostname()}.local:1",
            ],
            ["evil.example", f"{socket.gethostname()}.evil.example", "10.0.0.1.evil.example"],
        ),
    ],
)
def test_a_name_that_leads_here_from_elsewhere_gets_nothing(
    listen: str, answered: list[str | None], refused: list[str]
) -> None:
    preview = Preview(listen, None, {}, {}, lambda name, on: None)  # noqa: ARG005
    try:
        assert [status(preview, host) for host in answered] == [200] * len(answered)
        assert [status(preview, host) for host in refused] == [421] * len(refused)
    finally:
        preview.close()


def test_too_many_connections_are_refused_and_cost_no_thread() -> None:
    preview = Preview("127.0.0.1:0", None, {}, {}, lambda name, on: None)  # noqa: ARG005
    before = active_count()
    try:
        with ExitStack() as silent:
            for _ in range(100):
                silent.enter_context(socket.create_connection(("127.0.0.1", preview.port), 5))
            assert status(preview, None) == 503
            assert active_count() - before <= 64
        # There is room again.
        wait_until(lambda: status(preview, None) == 200)
    finally:
        preview.close()


def test_names_of_cameras_are_text(browser: Browser) -> None:
    with Listener() as listener:
        name = f"<img src=http://{listener.host}/a.png> ![x](http://{listener.host}/b.png)"
        preview = Preview("127.0.0.1:0", None, {name: name, "door": "b"}, {}, lambda name, on: None)  # noqa: ARG005
        page = browser.new_page()
        try:
            page.goto(preview.url)
            page.get_by_role("button", name=name).click()
            assert page.locator("img").count() == 1
        finally:
            page.close()
            preview.close()


def test_who_listens_beyond_this_machine_is_warned() -> None:
    preview = Preview("0.0.0.0:0", None, {}, {}, lambda name, on: None)  # noqa: ARG005
    preview.close()
    assert preview.warning is not None
    assert "other machines can reach" in preview.warning
