"""A browser for tests of pages; a module that has such tests names this one in its ``pytest_plugins``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> str:
    """Chromium of the system: it is the one that plays H.264; a test is skipped where there is none."""
    found = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs a browser: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    path = program()
    with sync_api.sync_playwright() as playwright:
        # In containers the browser's own sandbox often cannot be set up; it opens nothing but our own files.
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
