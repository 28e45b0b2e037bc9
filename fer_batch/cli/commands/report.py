"""``fer-batch report``: pages that show a study in a browser."""

from __future__ import annotations

import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fer_batch.cli.commands.summary import status_of
from fer_batch.cli.options import Study
from fer_batch.errors import ExitStatus, FerBatchWarning


class Format(StrEnum):
    """What figures are written as."""

    png = "png"
    svg = "svg"
    pdf = "pdf"


EXAMPLES = (
    "fer-batch report study",
    'fer-batch report study "session1/*" --figures figures --format pdf',
)


def report(
    out: Study,
    recordings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECORDING",
            help="Ids of recordings, or patterns such as 'session1/*'; by default all.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the report; by default OUT/report.",
            show_default=False,
        ),
    ] = None,
    with_thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Embed a small picture of each face, cut out of the recording.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also draw figures for papers into this folder.", show_default=False),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Format of the figures.")] = Format.png,
) -> None:
    """Write pages that show a study in a browser: one per recording, and an index.

    Each page plays the recording with its faces drawn in and their timelines below. It needs no network and no server.
    """
    from fer_batch.analytics.summary import summary
    from fer_batch.cli.display.terminal import bar
    from fer_batch.report.writer import write_report

    tables = summary(out)
    with bar("Pages") as advance, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", FerBatchWarning)
        index = write_report(
            out, output, recordings or None, with_thumbnails=with_thumbnails, tables=tables, on_progress=advance
        )
    for one in warned:
        typer.echo(f"Warning: {one.message}", err=True)
    typer.echo(str(index))
    if figures is not None:
        from fer_batch.report.figures import write_figures

        with bar("Figures") as advance:
            write_figures(out, figures, form.value, recordings or None, tables=tables, on_progress=advance)
        typer.echo(str(figures))
    for error in tables.recordings.loc[tables.recordings["status"].isin(["damaged", "unreadable"]), "error"]:
        typer.echo(f"Warning: {error}", err=True)
    raise typer.Exit(ExitStatus.SOME_FAILED if warned else status_of(tables.recordings))
