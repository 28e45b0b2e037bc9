"""A browser without a network, and the example analysed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.paths import EXAMPLE

import fer_batch

if TYPE_CHECKING:
    pass

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an analysis of the example, annotated copy included."""
    out = tmp_path_factory.mktemp("report") / "out"
    fer_batch.analyze(EXAMPLE, output=out, video=True)
    return out
