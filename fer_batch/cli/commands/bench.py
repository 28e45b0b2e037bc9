"""``fer-batch bench``: speed and memory on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_batch.errors import InputError
from fer_batch.utils.text import timecode

if TYPE_CHECKING:
    from fer_batch.benchmark.performance import Bench

EXAMPLE = Path("examples/WolfgangLanger_Pexels.mp4")
"""The clip that comes with the source, seen from its folder."""
_STAGE = "{:.2f} ms of processor time a frame"


EXAMPLES = (
    "fer-batch bench",
    "fer-batch bench interview.mp4 --runs 5 --full",
)


def bench(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Video; by default the example of the source.", show_default=False),
    ] = None,
    runs: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Rounds, of which medians are printed; more than 3 may take over two minutes."
        ),
    ] = 3,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Also measure annotated video, --fps 5, ten times the length, and single networks.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; null for what was not measured.")] = False,
) -> None:
    """Measure speed and memory on this machine, within two minutes.

    Only the start of a long recording is measured. Each round times decoding alone and then an analysis in a process of
    its own.
    """
    from fer_batch.benchmark.performance import bench as measure

    file = file or EXAMPLE
    if not file.exists():
        raise InputError(f"{file}: is not there; give a video to measure with.")
    result = measure(file, runs, full=full)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
        return
    rows = [*_always(result), *_full(result)]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        typer.echo(f"{name:<{width}}  {text}")


def _always(result: Bench) -> list[tuple[str, str]]:
    instructions = "unknown" if result.instructions is None else ", ".join(result.instructions) or "none"
    length = "" if result.recording_s is None else timecode(result.recording_s)
    measured = f"all {length}".rstrip()
    if result.measured_s is not None:
        measured = f"the first {timecode(result.measured_s)}" + (f" of {length}" if length else "")
    return [
        ("processor", result.processor),
        ("cores used", f"{result.cores}"),
        ("vector instructions", instructions),
        ("measured of the recording", measured),
        ("frames", f"{result.frames}"),
        ("faces", f"{result.faces}"),
        ("decoding alone", f"{result.decode_frames_per_second:.0f} frames/s"),
        ("analysis without video", f"{result.frames_per_second:.0f} frames/s"),
        ("ratio to decoding alone", f"{result.ratio_to_decode:.2f}"),
        *_stages(result.stages),
        ("  together", f"{result.processor_ms:.2f} ms, {result.processor_use:.0%} of the cores' time"),
        *((f"  waiting for {name}", f"{spent:.2f} ms a frame") for name, spent in result.waits.items()),
        ("from the command to the first frame", f"{result.start_s:.1f} s"),
        ("from the last frame to the end", f"{result.end_s:.1f} s"),
        ("peak memory", f"{result.peak_memory_mb:.0f} MB"),
    ]


def _full(result: Bench) -> list[tuple[str, str]]:
    """Only what was measured."""
    rows = (
        ("--fps 5, ratio to decoding alone", result.ratio_of_five_to_decode, "{:.2f}"),
        ("--fps 5 to all frames", result.ratio_of_five, "{:.1f} times as fast"),
        ("analysis with annotated video", result.video_frames_per_second, "{:.0f} frames/s"),
        ("decoding and encoding alone", result.transcode_frames_per_second, "{:.0f} frames/s"),
        ("ratio to decoding and encoding alone", result.ratio_to_transcode, "{:.2f}"),
        *((name, spent, _STAGE) for name, spent in _indented(result.video_stages or {})),
        ("ten times as much, frames", result.long_frames, "{}"),
        ("  decoding alone", result.long_decode_frames_per_second, "{:.0f} frames/s"),
        ("  analysis without video", result.long_frames_per_second, "{:.0f} frames/s"),
        ("  ratio to decoding alone", result.long_ratio_to_decode, "{:.2f}"),
        ("  peak memory", result.long_peak_memory_mb, "{:.0f} MB"),
        ("  memory grows by", result.memory_growth, "{:+.1%}"),
        ("one detection", result.detection_ms, "{:.2f} ms"),
        ("one face classified", result.classification_ms, "{:.2f} ms (batch of 16, one thread)"),
        ("ratio to a detection", result.ratio_to_detection, "{:.2f}"),
        ("cuts, tracking and steadying", result.following_share, "{:.1%} of the analysis's processor time"),
    )
    return [(name, text.format(value)) for name, value, text in rows if value is not None]


def _stages(stages: dict[str, float]) -> list[tuple[str, str]]:
    return [(name, _STAGE.format(spent)) for name, spent in _indented(stages)]


def _indented(stages: dict[str, float]) -> list[tuple[str, float]]:
    return [(f"  {name}", spent) for name, spent in stages.items()]
