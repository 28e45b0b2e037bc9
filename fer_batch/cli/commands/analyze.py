"""``fer-batch analyze``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_batch.cli.config_file import from_file
from fer_batch.cli.options import (
    MESSAGES,
    RESULTS,
    RUN,
    BatchSize,
    DetectorName,
    DeviceName,
    End,
    Every,
    Format,
    Fps,
    LogFile,
    MaxPixels,
    MinFace,
    MinScore,
    Model,
    Output,
    Persons,
    Private,
    Quiet,
    Start,
    TimelineFormat,
)
from fer_batch.config import DEFAULT_MODEL, MAX_PIXELS, MINIMUM_SCORE, Detector, Device

EXAMPLES = (
    "fer-batch analyze interview.mp4",
    'fer-batch analyze recordings/ "clips/*.mov" -o study --fps 5 --no-video',
    "find recordings -name '*.mp4' -print0 | fer-batch analyze - -o study",
)


def analyze(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Videos, photos, folders or patterns; - reads a list of them from standard input.",
            show_default=False,
        ),
    ] = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Read inputs from this file too, separated by line breaks or NUL.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            callback=from_file,
            is_eager=True,
            help="Read options from a TOML file (long names, and inputs); the command line takes precedence.",
            show_default=False,
        ),
    ] = None,
    output: Output = Path("fer-output"),
    timeline: TimelineFormat = Format.parquet,
    video: Annotated[
        bool, typer.Option("--video/--no-video", help="Write annotated video and photos.", rich_help_panel=RESULTS)
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist.", rich_help_panel=RESULTS)
    ] = False,
    private: Private = False,
    every: Every = 1,
    fps: Fps = None,
    start: Start = 0.0,
    end: End = None,
    detector: DetectorName = Detector.auto,
    min_score: MinScore = MINIMUM_SCORE,
    min_face: MinFace = None,
    persons: Persons = True,
    model: Model = DEFAULT_MODEL,
    device: DeviceName = Device.auto,
    batch_size: BatchSize = 32,
    max_pixels: MaxPixels = MAX_PIXELS,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Recordings analysed at a time, each in a process; changes speed, not results.",
            show_default="as many as cores and memory allow",
            rich_help_panel=RUN,
        ),
    ] = None,
    stall_limit: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=1,
            help="Maximum time without progress before a recording is given up.",
            rich_help_panel=RUN,
        ),
    ] = 300.0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only list what would be done, and estimate how long it would take.", rich_help_panel=RUN
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a CSV table of the recordings that are not done, with the reason.",
            show_default=False,
            rich_help_panel=MESSAGES,
        ),
    ] = None,
    log_file: LogFile = None,
    quiet: Quiet = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print events as JSON to stdout, one object per line.", rich_help_panel=MESSAGES),
    ] = False,
) -> None:
    """Turn recordings into emotion timelines.

    Results go to one folder: timelines/, tracks/ and episodes/ (Parquet, one partition per recording), csv/, annotated/
    and recordings/ (one JSON document each). Running the same command again does what is missing, has failed or has
    changed.
    """
    from fer_batch.cli.runs.analyze import run_analyze

    raise typer.Exit(run_analyze(context))
