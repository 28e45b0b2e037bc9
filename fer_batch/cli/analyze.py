"""``fer-batch analyze``: the main job."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_batch.cli.config import from_file
from fer_batch.cli.timecode import seconds
from fer_batch.faces.kinds import MINIMUM_SCORE, Detector
from fer_batch.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from fer_batch.pipeline import Outcome


class Format(StrEnum):
    """Formats of timelines."""

    parquet = "parquet"
    csv = "csv"
    both = "both"


def analyze(
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
    config: Annotated[  # noqa: ARG001 - its callback does it
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
            help="auto: also small and many faces, looked for more closely; short: faces within about 2 m of the "
            "camera; full: within about 5 m."
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
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Faces classified at once; changes speed, not results.")
    ] = 32,
    persons: Annotated[
        bool,
        typer.Option(
            "--persons/--no-persons",
            help="Know faces again and join tracks of one person by a recognition network; nothing of it is stored.",
        ),
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with everything to stdout.")] = False,
) -> None:
    """Turn recordings into emotion timelines.

    Results go to one folder: timelines/, tracks/ and episodes/ (Parquet, a partition a recording), csv/, annotated/
    and recordings/ (a JSON document each).
    """
    from fer_batch.batch import plan, require_work, run
    from fer_batch.cli.report import Reporter
    from fer_batch.errors import ExitStatus, InputError
    from fer_batch.interruption import stop_on_interrupt
    from fer_batch.lists import with_lists
    from fer_batch.names import valid
    from fer_batch.pipeline import Outputs, earlier_outcome
    from fer_batch.settings import Settings
    from fer_batch.timeline.layout import Layout
    from fer_batch.video.selection import Selection

    given = with_lists(inputs or (), lists or ())
    if not given:
        raise InputError("No INPUT is given; name a video, a photo, a folder, a pattern, or a list with --from.")
    settings = Settings(model, detector.value, min_score, batch_size, persons)
    selection = Selection(every, fps, start, end)
    planned = plan(given, Outputs(output, timeline.value, video), settings, selection, overwrite)
    require_work(planned)
    outcomes: list[Outcome] = []
    try:
        with stop_on_interrupt(quiet=quiet) as stop, Reporter(planned, quiet=quiet, as_json=as_json) as reporter:
            for outcome in run(planned, settings, selection, reporter.start, reporter.progress, stop):
                outcomes.append(outcome)
                reporter.finish(outcome)
                if outcome.cause is not None and "--debug" in sys.argv:
                    raise outcome.cause
    finally:
        # Also when a full disk ends the run: what was done before is done.
        if as_json:
            kept = [earlier_outcome(Layout(output), record) for record in planned.kept]
            results = [outcome.to_dict() for outcome in kept + outcomes]
            typer.echo(json.dumps({"output": valid(str(output)), "recordings": results}, ensure_ascii=False))
    if not quiet and not as_json:
        reporter.summary(outcomes)
    if stop.is_set():
        raise typer.Exit(ExitStatus.INTERRUPTED)
    raise typer.Exit(_status(outcomes, len(planned.kept)))


def _status(outcomes: list[Outcome], kept: int) -> int:
    """All unreadable is wrong use; some unreadable, or cut short, is not all done."""
    from fer_batch.errors import ExitStatus

    statuses = {outcome.record.status for outcome in outcomes}
    if statuses <= {"done"}:
        return ExitStatus.DONE
    return ExitStatus.USAGE if statuses == {"failed"} and not kept else ExitStatus.SOME_FAILED
