"""The command line: parses, hands over, and turns errors into one sentence and an exit status."""

from __future__ import annotations

import sys


def main() -> None:
    """The console script ``fer-batch``."""
    from fer_batch.cli.app import run

    sys.exit(run(sys.argv[1:]))
