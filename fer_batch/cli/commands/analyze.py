"""``fer-batch analyze``: the main job."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fer_batch.cli.config_file import from_file, settings_used, write_used
from fer_batch.cli.parsing import seconds
from fer_batch.config import DEFAULT_MODEL, MAX_PIXELS, MINIMUM_SCORE, Detector, Device


class Format(StrEnum):
    """Formats of timelines."""

    parquet = "parquet"
    csv = "csv"
    both = "both"


MinFace = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        help="Height of the smallest face that is wanted; unless given, faces are searched for from 24 pixels on (in "
        "pictures wider than 640 pixels from 24 times the root of width / 640).",
        show_default=False,
    ),
]
MaxPixels = Annotated[
    int,
    typer.Option("--max-pixels", metavar="N", help="Refuse larger pictures before memory is taken for them."),
]
"""An option of every command that decodes pictures."""

Private = Annotated[
    bool, typer.Option("--private", help="Make results readable for their owner alone: files 0600, folders 0700.")
]
"""An option of the commands that write results of recordings."""


def analyze(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT",
            help="Videos, photos, folders or patterns; - reads such from standard input.",
            show_default=False,
        ),
    ] = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FILE", help="Also what this file names, one a line or parted by NUL.", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            callback=from_file,
            is_eager=True,
            help="Take what is not given here from this TOML file; its keys are these options, and inputs.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for all results.")] = Path(
        "fer-output"
    ),
    timeline: Annotated[Format, typer.Option("--format", help="Format of the timelines.")] = Format.parquet,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write annotated video and photos.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
    detector: Annotated[
        Detector,
        typer.Option(
            help="auto: faces of any size, found by YuNet and confirmed by MediaPipe; mediapipe: faces within about "
            "2 m of the camera, all by MediaPipe. short and full are other names of mediapipe and auto."
        ),
    ] = Detector.auto,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Name of a shipped emotion model, or path of an .onnx file.")
    ] = DEFAULT_MODEL,
    every: Annotated[int, typer.Option(metavar="N", help="Analyse every N-th frame.")] = 1,
    fps: Annotated[
        float | None, typer.Option(metavar="X", help="Analyse at most X frames a second.", show_default=False)
    ] = None,
    start: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="Begin at this time: seconds, m:ss or h:mm:ss.")
    ] = 0.0,
    end: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="TIME", help="End before this time.", show_default=False),
    ] = None,
    min_score: Annotated[
        float, typer.Option(metavar="X", help="Leave out faces that the detector is never so sure of, 0 to 1.")
    ] = MINIMUM_SCORE,
    min_face: MinFace = None,
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Faces classified at once; changes speed, not results.")
    ] = 32,
    persons: Annotated[
        bool,
        typer.Option(
            "--persons/--no-persons",
            help="Know faces again and join tracks of one person by a recognition network; what it sees is not kept.",
        ),
    ] = True,
    device: Annotated[
        Device,
        typer.Option(help="What the emotion model runs on; auto: a graphics card where there is one that suits it."),
    ] = Device.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Recordings analysed at a time, each in a process; changes speed, not results.",
            show_default="as many as cores and memory allow",
        ),
    ] = None,
    stall_limit: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, help="Give a recording up that shows no sign of life for so long."),
    ] = 300.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be done, and estimate how long it would take.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a CSV table of what is not done, and why.", show_default=False),
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add everything that happens to a file.", show_default=False)
    ] = None,
    private: Private = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as JSON to stdout, one object a line.")
    ] = False,
) -> None:
    """Turn recordings into emotion timelines.

    Results go to one folder: timelines/, tracks/ and episodes/ (Parquet, a partition a recording), csv/, annotated/
    and recordings/ (a JSON document each). Running the same command again does what is missing, has failed or has
    changed.
    """
    from fer_batch.batch.plan import default_workers, plan
    from fer_batch.cli.runs.analyze import OutputOptions, carry_out, check_named_files, rehearse
    from fer_batch.config import Outputs, Selection, Settings
    from fer_batch.errors import InputError
    from fer_batch.filesystem.atomic import private_files
    from fer_batch.inputs.file_lists import with_lists

    listed_inputs = with_lists(inputs or (), lists or ())
    if not listed_inputs:
        raise InputError("No INPUT is given; name a video, a photo, a folder, a pattern, or a list with --from.")
    settings = Settings(model, detector.value, min_score, batch_size, persons, device.value, max_pixels, min_face)
    selection = Selection(every, fps, start, end)
    planned = plan(listed_inputs, Outputs(output, timeline.value, video), settings, selection, overwrite)
    count = workers or default_workers(len(planned.tasks))
    output_options = OutputOptions(report, log_file, quiet, as_json)
    named = [Path(one) for one in (*listed_inputs, *(lists or ()), *([] if config is None else [config]))]
    check_named_files(planned, named, output_options)
    if dry_run:
        rehearse(planned, settings, selection, count)
        return

    def remember() -> None:
        write_used(output / "study.toml", settings_used(context, listed_inputs))

    with private_files(output, wanted=private):
        status = carry_out(
            planned,
            settings,
            selection,
            workers=count,
            stall_limit_s=stall_limit,
            output_options=replace(output_options, on_begin=remember),
        )
    raise typer.Exit(status)
