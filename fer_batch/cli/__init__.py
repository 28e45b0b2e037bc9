"""The command line: parses, hands over, and turns errors into one sentence and an exit status."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """The console script ``fer-batch``."""
    from fer_batch.cli.app import run

    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end a run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
