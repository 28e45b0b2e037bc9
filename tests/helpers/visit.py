"""A page opened from disk by somebody without a network, and everything that goes wrong meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

_PATIENCE_MS = 20_000
"""A machine that is at other work too shows a frame seconds late."""


@dataclass
class Visit:
    """One page."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """Of the console, and those that nothing caught."""
    requests: list[str] = field(default_factory=list)
    """Addresses beyond this machine's files."""

    def ready(self) -> float:
        """Waits until everything is unpacked and drawn; milliseconds since the page was opened."""
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
        return float(self.page.evaluate("document.documentElement.dataset.ready"))

    def playable(self) -> None:
        """Waits until the picture is there."""
        self.page.wait_for_selector("#stage[data-source=recording], #stage[data-source=annotated]")

    def stage(self) -> dict[str, str]:
        """What the page says that it shows: time, number of faces, source."""
        values: dict[str, str] = self.page.evaluate("({...document.getElementById('stage').dataset})")
        return values

    def shown_s(self) -> float:
        """Time of the frame that is shown."""
        return float(self.stage()["time"])

    def comes_to(self, time_s: float, within_s: float) -> None:
        """Waits until the frame of a time is shown, and sees that it stays."""
        from playwright.sync_api import Error

        with suppress(Error):
            self.page.wait_for_function(
                "([time, within]) => Math.abs(document.getElementById('stage').dataset.time - time) <= within",
                arg=[time_s, within_s],
                timeout=_PATIENCE_MS,
            )
        # A player that still loads another part may show a frame of before.
        self.page.wait_for_timeout(100)
        assert self.shown_s() == pytest.approx(time_s, abs=within_s)

    def painted(self) -> None:
        """Waits until what was done until now is drawn: the second frame of the browser from now on."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def comes_to_read(self, place: str, words: str) -> None:
        """Waits until an element has this text."""
        self.page.locator(place).filter(has_text=re.compile(f"^{re.escape(words)}$")).wait_for(timeout=_PATIENCE_MS)

    def video(self, expression: str) -> Any:
        """A property of the video element."""
        return self.page.evaluate(f"document.getElementById('video').{expression}")


@contextmanager
def visit(browser: Browser, path: Path, **options: Any) -> Iterator[Visit]:
    """Opens a page from disk, the network off unless an option says otherwise."""
    context = browser.new_context(**{"offline": True, "viewport": {"width": 1400, "height": 1300}, **options})
    page = context.new_page()
    visited = Visit(page)

    def refused(dialog: Dialog) -> None:
        visited.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("console", lambda message: visited.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visited.errors.append(str(error)))
    page.on("dialog", refused)

    def requested(url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            visited.requests.append(url)

    page.on("request", lambda request: requested(request.url))
    page.goto(path.absolute().as_uri())
    try:
        yield visited
    finally:
        context.close()
