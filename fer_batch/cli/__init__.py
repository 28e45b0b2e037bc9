"""The command line: parses, hands over, and turns errors into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """The console script ``fer-batch``."""
    _open_closed_streams()

    from fer_batch.cli.main import run

    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end a run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Standard streams that the caller closed go nowhere.

    In the order of their descriptors: each gets the lowest one that is free, its own, before a result could.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
