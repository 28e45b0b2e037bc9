"""``fer-batch summary``: a whole study in two tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_batch.cli.options import Study
from fer_batch.errors import ExitStatus

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

_LONGEST_NAME = 60
"""Letters of an id in a pipe, where nothing else limits them: the end tells more than the beginning."""
_SHORTEST_NAME = 12
"""Columns of a terminal that an id gets, so that it can be told from others."""
_MOST_ROWS = 50
"""Rows of a table that are printed, which is what a terminal shows on a page or two; the files have all."""


EXAMPLES = (
    "fer-batch summary study",
    "fer-batch summary study --min-seconds 2 --json",
)


def summary(
    out: Study,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the tables; by default OUT/summary.",
            show_default=False,
        ),
    ] = None,
    minimum_s: Annotated[
        float, typer.Option("--min-seconds", metavar="SECONDS", min=0, help="Leave out tracks seen for less time.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print both tables as JSON.")] = False,
) -> None:
    """Summarise a study in two tables, written as Parquet and CSV.

    One row per recording, and one row per track: how long faces were in view, and the share of each emotion.
    """
    from rich.console import Console
    from rich.text import Text

    from fer_batch.analytics.summary import summary as summed
    from fer_batch.analytics.summary import write_summary

    tables = summed(out, minimum_s)
    written = write_summary(tables, out / "summary" if output is None else output, out)
    if as_json:
        plain = {name: json.loads(table.to_json(orient="records")) for name, table in tables._asdict().items()}
        typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        raise typer.Exit(status_of(tables.recordings))
    # A pipe has no width: rows stay whole there.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    _print(console, "recording", tables.recordings, ("status", "tracks"))
    console.print()
    _print(console, "track", tables.tracks, ("track", "person"))
    for path in written:
        console.print(Text(str(path)), soft_wrap=True)
    failed = tables.recordings.dropna(subset="error")
    for recording, error in zip(failed["recording"], failed["error"], strict=True):
        typer.echo(_worded(out, recording, error), err=True)
    raise typer.Exit(status_of(tables.recordings))


def _worded(out: Path, recording: str, error: str) -> str:
    """A recording's error with options as the command line has them; the table has Python's."""
    from fer_batch.cli.wording import command_line_words
    from fer_batch.errors import InputError
    from fer_batch.results.layout import Layout
    from fer_batch.results.record import RecordingRecord

    try:
        record = RecordingRecord.read(Layout(out).record(recording))
    except InputError:
        return error
    return record.worded(command_line_words) or error if record.worded() == error else error


def status_of(recordings: pd.DataFrame) -> ExitStatus:
    """The exit status of what reads a study: whether results were left out because they are damaged."""
    damaged = recordings["status"].isin(["damaged", "unreadable"]).any()
    return ExitStatus.SOME_FAILED if damaged else ExitStatus.DONE


def _print(console: Console, thing: str, table: pd.DataFrame, named: tuple[str, str]) -> None:
    """One table: whose it is, seconds seen, the leading emotions of that time, and the episodes."""
    from rich.table import Table
    from rich.text import Text

    from fer_batch.utils.text import short, shown

    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    # On a terminal long names give way, and nothing else.
    rows.add_column(
        "recording",
        overflow="ellipsis",
        no_wrap=True,
        ratio=1 if console.is_terminal else None,
        min_width=_SHORTEST_NAME,
    )
    rows.expand = console.is_terminal
    for name in named:
        rows.add_column(name, justify="right" if name != "status" else "left", no_wrap=True)
    rows.add_column("seen", justify="right", no_wrap=True)
    rows.add_column("of this time", no_wrap=True)
    rows.add_column("episodes", justify="right", no_wrap=True)
    for row in table.head(_MOST_ROWS).to_dict("records"):
        recording = short(shown(row["recording"]), _LONGEST_NAME)
        rows.add_row(Text(recording), *(_text(row[name]) for name in named), *_showing(row))
    console.print(rows)
    if len(table) > _MOST_ROWS:
        console.print(f"and {len(table) - _MOST_ROWS} more {thing}s in the files")


def _showing(row: dict[str, Any]) -> tuple[str, str, str]:
    """Seconds seen, the two emotions that lead most of them, and the number of episodes."""
    import pandas as pd

    from fer_batch.emotions import EMOTIONS

    if pd.isna(row["seen_s"]):
        return "", "", ""
    shares = {name: row[f"{name}_share"] for name in EMOTIONS if not pd.isna(row[f"{name}_share"])}
    leading = sorted(shares, key=lambda name: -shares[name])[:2]
    leading_shares = ", ".join(f"{name} {shares[name]:.0%}" for name in leading if shares[name] > 0)
    return f"{row['seen_s']:.1f} s", leading_shares, str(sum(row[f"{name}_episodes"] for name in EMOTIONS))


def _text(value: object) -> str:
    import pandas as pd

    return "" if pd.isna(value) else str(value)
